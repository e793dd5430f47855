# libyolua_cuda.so: every .cu file by nvcc for each architecture that it knows, and PTX of the newest for GPUs to come. The runtime of
# CUDA is linked in, so that the plug-in needs nothing but the driver.
execute_process(COMMAND ${YOLUA_NVCC} --list-gpu-code OUTPUT_VARIABLE known)
set(CUDA_CODE "")
foreach(arch ${YOLUA_CUDA_ARCHITECTURES})
  if(known MATCHES "sm_${arch}[^0-9]")
    list(APPEND CUDA_CODE -gencode=arch=compute_${arch},code=sm_${arch})
    set(newest ${arch})
  endif()
endforeach()
if(NOT CUDA_CODE)
  message(FATAL_ERROR "${YOLUA_NVCC} knows none of the architectures ${YOLUA_CUDA_ARCHITECTURES}; set YOLUA_CUDA_ARCHITECTURES, or YOLUA_CUDA=OFF")
endif()
list(APPEND CUDA_CODE -gencode=arch=compute_${newest},code=compute_${newest})
list(JOIN YOLUA_CUDA_ARCHITECTURES " " archs)
message(STATUS "CUDA plug-in: ${YOLUA_NVCC}, architectures ${archs}")

set(CUDA_FLAGS -std=c++20 -O3 "-DYL_BOTH=__host__ __device__" -DNDEBUG
    -Xcompiler=-fPIC,-fvisibility=hidden,-Wall,-Wextra,-Wno-missing-field-initializers,-Wno-unknown-pragmas)
string(REPLACE ";" "\"\n\"" lines "${CUDA_FLAGS}") # for who compiles the plug-in elsewhere: tests/gpu/run.sh
file(WRITE ${PROJECT_BINARY_DIR}/cuda/options "\"${lines}\"\n")
list(APPEND CUDA_FLAGS -I${PROJECT_SOURCE_DIR}/runtime -I${GENERATED})
# Registers in local memory are slow, and a mistake in a kernel's shape. What each kernel uses is kept, X.o.usage beside X.o.
list(APPEND CUDA_FLAGS -Xptxas=--warn-on-spills,-v)
set(KEEP_USAGE "usage=$1; shift; \"$@\" 2>\"$usage\"; status=$?; grep -v -e '^ptxas info' -e '^ *[0-9]* bytes stack frame' \"$usage\" >&2; exit $status")
if(YOLUA_WERROR)
  list(APPEND CUDA_FLAGS -Werror=all-warnings -Xcompiler=-Werror -Xptxas=--warning-as-error)
endif()
set(launcher ${CMAKE_C_COMPILER_LAUNCHER})
if(launcher MATCHES ccache) # a checkout elsewhere finds what this one has compiled
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${launcher})
endif()
set(CUDA_OBJECTS "")
foreach(source ${CUDA_SOURCES})
  file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR}/runtime ${source})
  string(REPLACE "/" "_" name ${name})
  set(object ${PROJECT_BINARY_DIR}/cuda/${name}.o)
  add_custom_command(
    OUTPUT ${object}
    COMMAND sh -c "${KEEP_USAGE}" sh ${object}.usage ${launcher} ${YOLUA_NVCC} ${CUDA_FLAGS} ${CUDA_CODE} -MD -MF ${object}.d -c ${source} -o ${object}
    DEPENDS ${source}
    DEPFILE ${object}.d
    COMMENT "CUDA ${name}"
    VERBATIM)
  list(APPEND CUDA_OBJECTS ${object})
endforeach()
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/cuda)
# What the kernels use, for plans without a GPU: see backend/usage.cc.
list(TRANSFORM CUDA_OBJECTS APPEND .usage OUTPUT_VARIABLE reports)
set(usage ${PROJECT_SOURCE_DIR}/runtime/backend/usage)
add_custom_command(
  OUTPUT ${PROJECT_BINARY_DIR}/cuda/usage.o ${PROJECT_BINARY_DIR}/cuda/usage.inc
  COMMAND ${CMAKE_COMMAND} -DOUT=${PROJECT_BINARY_DIR}/cuda/usage.inc "-DREPORTS=${reports}" -P ${usage}.cmake
  COMMAND ${YOLUA_NVCC} ${CUDA_FLAGS} -I${PROJECT_BINARY_DIR}/cuda -c ${usage}.cc -o ${PROJECT_BINARY_DIR}/cuda/usage.o
  DEPENDS ${CUDA_OBJECTS} ${usage}.cmake ${usage}.cc ${usage}.h
  COMMENT "CUDA usage"
  VERBATIM)
set(CUDA_PLUGIN ${PROJECT_BINARY_DIR}/libyolua_cuda.so)
set(CUDA_LINK -shared -cudart=static -Xlinker=--wrap=__cudaRegisterFunction -Xlinker=-z,defs -Xlinker=--exclude-libs,ALL)
string(REPLACE ";" "\n" lines "${CUDA_LINK}")
file(WRITE ${PROJECT_BINARY_DIR}/cuda/link "${lines}\n")
add_custom_command(
  OUTPUT ${CUDA_PLUGIN}
  COMMAND ${YOLUA_NVCC} ${CUDA_LINK} -o ${CUDA_PLUGIN} ${CUDA_OBJECTS} ${PROJECT_BINARY_DIR}/cuda/usage.o
  DEPENDS ${CUDA_OBJECTS} ${PROJECT_BINARY_DIR}/cuda/usage.o
  COMMENT "CUDA plug-in"
  VERBATIM)
add_custom_target(yolua_cuda ALL DEPENDS ${CUDA_PLUGIN})
install(FILES ${CUDA_PLUGIN} DESTINATION ${CMAKE_INSTALL_LIBDIR})
