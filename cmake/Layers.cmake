# tape_folder(NAME [OBJECT] SOURCES … TESTS … USES … LIBRARIES …)
#   builds src/NAME as the library tape_NAME; USES are other folders, LIBRARIES third-party targets (private unless
#   PUBLIC_LIBRARIES). TESTS become one executable NAME_test, each of its cases a ctest entry.
#   OBJECT: for folders whose files register themselves: an object in a static archive that nobody names is dropped
#   by the linker, and the venue or sink would be silently absent.
include(GoogleTest)
function(tape_folder name)
    cmake_parse_arguments(ARG "OBJECT" "" "SOURCES;TESTS;USES;LIBRARIES;PUBLIC_LIBRARIES" ${ARGN})
    set(kind STATIC)
    if(ARG_OBJECT)
        set(kind OBJECT)
    endif()
    add_library(tape_${name} ${kind} ${ARG_SOURCES})
    target_link_libraries(tape_${name} PUBLIC tape_options ${ARG_PUBLIC_LIBRARIES})
    target_link_libraries(tape_${name} PRIVATE ${ARG_LIBRARIES})
    set(closure tape_${name})
    foreach(used ${ARG_USES})
        target_link_libraries(tape_${name} PUBLIC tape_${used})
        list(APPEND closure tape_${used})
    endforeach()
    if(ARG_TESTS)
        add_executable(${name}_test ${ARG_TESTS})
        # What is tested is optimised; the tests themselves compile in two thirds of the time without.
        target_compile_options(${name}_test PRIVATE $<$<CONFIG:Release>:-O0>)
        target_link_libraries(${name}_test PRIVATE ${closure} ${ARG_LIBRARIES} GTest::gtest GTest::gtest_main)
        gtest_discover_tests(${name}_test
            WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 60)
    endif()
endfunction()
