// libcurand.so.10: ONNX Runtime is linked to it; the models use nothing of it.
#include "standin.h"

int curandGetVersion(int *version) {
    *version = 10400;
    return standin_fault(__func__);
}
