#include "base/metrics.h"

#include <gtest/gtest.h>

namespace tape {
namespace {

TEST(Metrics, OneCounterForOneNameAndLabels) {
    counter("tape_log_records_total", {{"partition", "okx-1"}}).add(2);
    counter("tape_log_records_total", {{"partition", "okx-1"}}).add();
    counter("tape_log_records_total", {{"partition", "okx-2"}}).add(5);
    EXPECT_EQ(counter("tape_log_records_total", {{"partition", "okx-1"}}).value(), 3);
    EXPECT_NE(metrics_text().find("tape_log_records_total{partition=\"okx-2\"} 5"),
              std::string::npos);
}

TEST(MetricsDeathTest, AnUndeclaredNameEndsTheProcess) {
    EXPECT_DEATH(counter("tape_no_such_total"), "tape_no_such_total");
}

}  // namespace
}  // namespace tape
