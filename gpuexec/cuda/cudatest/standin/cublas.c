// libcublas.so.13: matrix products that are written down and not computed.
#include "standin.h"

#include <stdlib.h>

enum { SUCCESS = 0, ALLOC_FAILED = 3, INVALID_VALUE = 7, EXECUTION_FAILED = 13, INTERNAL_ERROR = 14, NOT_SUPPORTED = 15 }; // cublasStatus_t

struct handle {
    void *stream;
    int math_mode;
};

const char *cublasGetStatusName(int status) {
    switch (status) {
    case SUCCESS: return "CUBLAS_STATUS_SUCCESS";
    case ALLOC_FAILED: return "CUBLAS_STATUS_ALLOC_FAILED";
    case INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
    case EXECUTION_FAILED: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case INTERNAL_ERROR: return "CUBLAS_STATUS_INTERNAL_ERROR";
    case NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
    default: return "CUBLAS_STATUS_UNKNOWN";
    }
}

const char *cublasGetStatusString(int status) {
    switch (status) {
    case SUCCESS: return "success";
    case ALLOC_FAILED: return "the resource allocation failed";
    case INVALID_VALUE: return "an unsupported value or parameter was passed to the function";
    case EXECUTION_FAILED: return "the function failed to launch on the GPU";
    case INTERNAL_ERROR: return "an internal operation failed";
    case NOT_SUPPORTED: return "the functionality requested is not supported";
    default: return "unknown error";
    }
}

// On a poisoned context all that is said is that it did not work, of the call too that finds it so first.
static int enter(const char *call) {
    int code = standin_poison() ? EXECUTION_FAILED : standin_fault(call);
    return standin_poison() ? EXECUTION_FAILED : code;
}

int cublasCreate_v2(struct handle **h) {
    int code = enter(__func__);
    *h = code ? NULL : calloc(1, sizeof **h);
    standin_record(__func__, code, " ");
    return code;
}

int cublasDestroy_v2(struct handle *h) {
    int code = enter(__func__);
    free(h);
    standin_record(__func__, code, " ");
    return code;
}

int cublasSetStream_v2(struct handle *h, void *stream) {
    int code = enter(__func__);
    if (!code) h->stream = stream;
    if (code) standin_record(__func__, code, " ");
    return code;
}

int cublasSetMathMode(struct handle *h, int mode) {
    h->math_mode = mode;
    return SUCCESS;
}

int cublasGetMathMode(struct handle *h, int *mode) {
    *mode = h->math_mode;
    return SUCCESS;
}

// Each takes more arguments than its handle, which the caller's calling convention lets it leave alone.
#define COMPUTES(name) \
    int name(struct handle *h) { \
        int code = enter(#name); \
        if (!code) standin_enqueue(h->stream); \
        standin_record(#name, code, "stream=%#lx", (unsigned long)h->stream); \
        return code; \
    }

COMPUTES(cublasSgemm_v2)
COMPUTES(cublasDgemm_v2)
COMPUTES(cublasGemmEx)
COMPUTES(cublasSgemmBatched)
COMPUTES(cublasDgemmBatched)
COMPUTES(cublasGemmBatchedEx)
COMPUTES(cublasSgemmStridedBatched)
COMPUTES(cublasDgemmStridedBatched)
COMPUTES(cublasGemmStridedBatchedEx)
COMPUTES(cublasSgeam)
COMPUTES(cublasDgeam)
COMPUTES(cublasScopy_v2)
COMPUTES(cublasDcopy_v2)
COMPUTES(cublasSscal_v2)
COMPUTES(cublasSgetrfBatched)
COMPUTES(cublasDgetrfBatched)
COMPUTES(cublasSgetriBatched)
COMPUTES(cublasDgetriBatched)
