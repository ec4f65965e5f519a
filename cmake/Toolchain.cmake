# How every file is compiled: C++23 without extensions, warnings as errors, one sanitizer set at most.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

set(TAPE_SANITIZE "" CACHE STRING "address,undefined | thread | fuzzer,address,undefined | empty")
option(TAPE_BENCH "Build the benchmarks" OFF)
option(TAPE_FUZZ "Build the fuzz targets (clang only)" OFF)

add_library(tape_options INTERFACE)
target_compile_options(tape_options INTERFACE
    -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror
    -Wno-missing-field-initializers)
# CRC32C and the decimal paths use SSE4.2, which every x86-64 server since 2009 has.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    target_compile_options(tape_options INTERFACE -msse4.2 -mpclmul)
endif()
target_include_directories(tape_options INTERFACE ${PROJECT_SOURCE_DIR}/src)

if(TAPE_SANITIZE)
    add_compile_options(-fsanitize=${TAPE_SANITIZE} -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${TAPE_SANITIZE})
endif()

find_program(CCACHE ccache)
if(CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
    set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
    add_link_options(-fuse-ld=mold)
endif()
