// libcublasLt.so.13: matrix products whose stream is an argument.
#include "standin.h"

#include <stdlib.h>

enum { SUCCESS = 0, EXECUTION_FAILED = 13 }; // cublasStatus_t

// On a poisoned context all that is said is that it did not work, of the call too that finds it so first.
static int enter(const char *call) {
    int code = standin_poison() ? EXECUTION_FAILED : standin_fault(call);
    return standin_poison() ? EXECUTION_FAILED : code;
}

// Handles and descriptors hold nothing that a result depends on.
#define MAKES(name) \
    int name(void **made) { \
        int code = enter(#name); \
        *made = code ? NULL : malloc(1); \
        return code; \
    }
#define FREES(name) \
    int name(void *made) { \
        free(made); \
        return SUCCESS; \
    }
#define SETS(name) \
    int name(void) { return enter(#name); }

MAKES(cublasLtCreate)
FREES(cublasLtDestroy)
MAKES(cublasLtMatmulDescCreate)
FREES(cublasLtMatmulDescDestroy)
SETS(cublasLtMatmulDescSetAttribute)
MAKES(cublasLtMatmulPreferenceCreate)
FREES(cublasLtMatmulPreferenceDestroy)
SETS(cublasLtMatmulPreferenceSetAttribute)
MAKES(cublasLtMatrixLayoutCreate)
FREES(cublasLtMatrixLayoutDestroy)
SETS(cublasLtMatrixLayoutSetAttribute)
MAKES(cublasLtMatrixTransformDescCreate)
FREES(cublasLtMatrixTransformDescDestroy)
SETS(cublasLtMatmulAlgoInit)
SETS(cublasLtMatmulAlgoConfigSetAttribute)

int cublasLtMatmulAlgoGetHeuristic(void *handle, void *operation, void *a, void *b, void *c, void *d, void *preference, int wanted, void *results, int *found) {
    (void)handle, (void)operation, (void)a, (void)b, (void)c, (void)d, (void)preference, (void)wanted, (void)results;
    *found = 1;
    return enter(__func__);
}

static int compute(const char *call, void *stream) {
    int code = enter(call);
    if (!code) standin_enqueue(stream);
    standin_record(call, code, "stream=%#lx", (unsigned long)stream);
    return code;
}

int cublasLtMatmul(void *handle, void *operation, const void *alpha, const void *a, void *a_layout, const void *b, void *b_layout,
                   const void *beta, const void *c, void *c_layout, void *d, void *d_layout, const void *algorithm, void *workspace,
                   size_t workspace_bytes, void *stream) {
    (void)handle, (void)operation, (void)alpha, (void)a, (void)a_layout, (void)b, (void)b_layout, (void)beta, (void)c, (void)c_layout;
    (void)d, (void)d_layout, (void)algorithm, (void)workspace, (void)workspace_bytes;
    return compute(__func__, stream);
}

int cublasLtMatrixTransform(void *handle, void *transform, const void *alpha, const void *a, void *a_layout, const void *beta, const void *b,
                            void *b_layout, void *c, void *c_layout, void *stream) {
    (void)handle, (void)transform, (void)alpha, (void)a, (void)a_layout, (void)beta, (void)b, (void)b_layout, (void)c, (void)c_layout;
    return compute(__func__, stream);
}
