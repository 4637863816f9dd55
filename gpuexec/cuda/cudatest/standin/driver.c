// libcuda.so.1: the driver. ONNX Runtime needs it to be there and calls the runtime instead.
#include "standin.h"

int cuInit(unsigned flags) {
    (void)flags;
    int code = standin_fault(__func__);
    standin_record(__func__, code, " ");
    return code;
}
