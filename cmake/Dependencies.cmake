# Every third-party library, each under one target name. What Debian lacks, scripts/setup puts into TAPE_DEPS.
set(TAPE_DEPS ${PROJECT_SOURCE_DIR}/build/deps CACHE PATH "Where scripts/setup unpacked the prebuilt engines")

find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(simdjson REQUIRED)
find_package(GTest REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(TOMLPP REQUIRED IMPORTED_TARGET tomlplusplus)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)

# Boost.Asio and Beast: their non-template half is compiled once, in src/net.
add_library(tape_asio INTERFACE)
target_link_libraries(tape_asio INTERFACE Boost::headers OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
target_compile_definitions(tape_asio INTERFACE
    BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
# gcc 12 takes the frame of an inlined coroutine for freed by a stranger: its operators new and delete are a pair.
target_compile_options(tape_asio INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>)

# Apache Arrow and Parquet C++: the system's where there is one, else the pyarrow wheel's.
find_package(Arrow QUIET)
find_package(Parquet QUIET)
add_library(tape_arrow INTERFACE)
if(Arrow_FOUND AND Parquet_FOUND)
    target_link_libraries(tape_arrow INTERFACE Arrow::arrow_shared Parquet::parquet_shared)
else()
    set(_arrow ${TAPE_DEPS}/arrow/pyarrow)
    if(NOT EXISTS ${_arrow}/libarrow.so.2600)
        message(FATAL_ERROR "Arrow is missing: run scripts/setup (looked for ${_arrow}/libarrow.so.2600)")
    endif()
    foreach(_lib arrow parquet)
        add_library(tape_arrow_${_lib} SHARED IMPORTED)
        set_target_properties(tape_arrow_${_lib} PROPERTIES
            IMPORTED_LOCATION ${_arrow}/lib${_lib}.so.2600
            IMPORTED_SONAME lib${_lib}.so.2600)
        target_include_directories(tape_arrow_${_lib} SYSTEM INTERFACE ${_arrow}/include)
    endforeach()
    target_link_libraries(tape_arrow INTERFACE tape_arrow_parquet tape_arrow_arrow)
endif()

# DuckDB: the static archives of its Go bindings; only the C API is used.
file(GLOB_RECURSE _duckdb_header ${TAPE_DEPS}/duckdb/*/duckdb.h)
if(NOT _duckdb_header)
    message(FATAL_ERROR "DuckDB is missing: run scripts/setup (looked for duckdb.h below ${TAPE_DEPS}/duckdb)")
endif()
list(GET _duckdb_header 0 _duckdb_header)
cmake_path(GET _duckdb_header PARENT_PATH _duckdb)
file(GLOB _duckdb_archives ${_duckdb}/*.a)
add_library(tape_duckdb INTERFACE)
target_include_directories(tape_duckdb SYSTEM INTERFACE ${_duckdb})
target_link_libraries(tape_duckdb INTERFACE
    -Wl,--start-group ${_duckdb_archives} -Wl,--end-group Threads::Threads ${CMAKE_DL_LIBS} m)
