// The non-template half of Asio and Beast, compiled once (tape_asio defines the
// SEPARATE_COMPILATION switches).
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
