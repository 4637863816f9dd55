// libcudnn.so.9: convolutions whose plans are built, counted and executed without a computation.
//
// ONNX Runtime builds a convolution through the backend API: descriptors of an operation graph, a heuristic that offers engines,
// and for the one it takes an execution plan, whose Finalize is what costs. The stand-in offers one engine for everything.
#define _GNU_SOURCE
#include "standin.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// cudnnStatus_t of cuDNN 9
enum { SUCCESS = 0, INTERNAL_ERROR = 4000, COMPILATION_FAILED = 4001, HOST_ALLOCATION_FAILED = 4003, DEVICE_ALLOCATION_FAILED = 4004, EXECUTION_FAILED = 5000 };

struct handle {
    void *stream;
};

struct descriptor {
    int type;
};

size_t cudnnGetVersion(void) { return 91300; }
size_t cudnnGetCudartVersion(void) { return 13000; }

const char *cudnnGetErrorString(int status) {
    switch (status) {
    case SUCCESS: return "CUDNN_STATUS_SUCCESS";
    case INTERNAL_ERROR: return "CUDNN_STATUS_INTERNAL_ERROR";
    case COMPILATION_FAILED: return "CUDNN_STATUS_INTERNAL_ERROR_COMPILATION_FAILED";
    case HOST_ALLOCATION_FAILED: return "CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED";
    case DEVICE_ALLOCATION_FAILED: return "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED";
    case EXECUTION_FAILED: return "CUDNN_STATUS_EXECUTION_FAILED";
    default: return "CUDNN_UNKNOWN_STATUS";
    }
}

void cudnnGetLastErrorString(char *text, size_t size) {
    if (size) *text = 0;
}

// On a poisoned context all that is said is that it did not work, of the call too that finds it so first.
static int enter(const char *call) {
    int code = standin_poison() ? EXECUTION_FAILED : standin_fault(call);
    return standin_poison() ? EXECUTION_FAILED : code;
}

int cudnnCreate(struct handle **h) {
    int code = enter(__func__);
    *h = code ? NULL : calloc(1, sizeof **h);
    standin_record(__func__, code, " ");
    return code;
}

int cudnnDestroy(struct handle *h) {
    int code = enter(__func__);
    free(h);
    standin_record(__func__, code, " ");
    return code;
}

int cudnnSetStream(struct handle *h, void *stream) {
    int code = enter(__func__);
    if (!code) h->stream = stream;
    if (code) standin_record(__func__, code, " ");
    return code;
}

int cudnnGetStream(struct handle *h, void **stream) {
    *stream = h->stream;
    return SUCCESS;
}

// ---- the backend API

enum { EXECUTION_PLAN_DESCRIPTOR = 5 }; // cudnnBackendDescriptorType_t

// cudnnBackendAttributeName_t
enum {
    ENGINE_CONFIG_INTERMEDIATE_INFO = 301,
    ENGINE_CONFIG_KNOB_CHOICES = 302,
    EXECUTION_PLAN_WORKSPACE_SIZE = 402,
    ENGINE_KNOB_INFO = 1302,
    ENGINE_NUMERICAL_NOTE = 1303,
    ENGINE_BEHAVIOR_NOTE = 1305,
};

// cudnnBackendAttributeType_t
enum { TYPE_INT64 = 3, TYPE_BACKEND_DESCRIPTOR = 15 };

int cudnnBackendCreateDescriptor(int type, struct descriptor **d) {
    int code = enter(__func__);
    *d = code ? NULL : malloc(sizeof **d);
    if (*d) (*d)->type = type;
    return code;
}

int cudnnBackendDestroyDescriptor(struct descriptor *d) {
    free(d);
    return SUCCESS;
}

int cudnnBackendInitialize(struct descriptor *d) {
    (void)d;
    return SUCCESS;
}

int cudnnBackendSetAttribute(struct descriptor *d, int name, int type, int64_t count, const void *values) {
    (void)d, (void)name, (void)type, (void)count, (void)values;
    return SUCCESS;
}

static void ignore(int number) { (void)number; }

// Some of CUDA's libraries put signal handlers in place of the program's, without a stack of their own for them to run on.
static void take_signal(void) {
    struct sigaction action = {.sa_handler = ignore};
    sigaction(SIGUSR2, &action, NULL);
}

// A plan is its own call to the log and to the control file: cudnnBuildPlan.
int cudnnBackendFinalize(struct descriptor *d) {
    if (d->type != EXECUTION_PLAN_DESCRIPTOR) return enter(__func__);
    int code = enter("cudnnBuildPlan");
    if (standin_settings().signals) take_signal();
    standin_record("cudnnBuildPlan", code, " ");
    return code;
}

// There is one of everything that is asked for, but no knob to turn and nothing to note. Descriptors are the caller's own, which it
// has made and only wants filled.
int cudnnBackendGetAttribute(struct descriptor *d, int name, int type, int64_t wanted, int64_t *count, void *values) {
    (void)d;
    bool none = name == ENGINE_CONFIG_INTERMEDIATE_INFO || name == ENGINE_CONFIG_KNOB_CHOICES || name == ENGINE_KNOB_INFO ||
                name == ENGINE_NUMERICAL_NOTE || name == ENGINE_BEHAVIOR_NOTE;
    if (count) *count = none ? 0 : 1;
    if (none || !values || wanted < 1 || type == TYPE_BACKEND_DESCRIPTOR) return SUCCESS;
    if (name == EXECUTION_PLAN_WORKSPACE_SIZE) {
        *(int64_t *)values = (int64_t)standin_settings().workspace;
    } else if (type == TYPE_INT64) {
        *(int64_t *)values = 0;
    } else {
        *(int32_t *)values = 0; // the enumerations
    }
    return SUCCESS;
}

static int execute(const char *call, struct handle *h) {
    int code = enter(call);
    if (!code) standin_enqueue(h->stream);
    standin_record(call, code, "stream=%#lx", (unsigned long)h->stream);
    return code;
}

int cudnnBackendExecute(struct handle *h, struct descriptor *plan, struct descriptor *pack) {
    (void)plan, (void)pack;
    return execute(__func__, h);
}

// ---- the older API, which ONNX Runtime uses for what is no convolution

// Their other arguments are left alone, as the calling convention allows.
#define EXECUTES(name) \
    int name(struct handle *h) { return execute(#name, h); }

EXECUTES(cudnnActivationForward)
EXECUTES(cudnnAddTensor)
EXECUTES(cudnnBatchNormalizationForwardInference)
EXECUTES(cudnnConvolutionBackwardData)
EXECUTES(cudnnConvolutionForward)
EXECUTES(cudnnPoolingForward)
EXECUTES(cudnnReduceTensor)
EXECUTES(cudnnSoftmaxForward)

#define DESCRIBES(name) \
    int cudnnCreate##name(void **d) { \
        *d = malloc(1); \
        return SUCCESS; \
    } \
    int cudnnDestroy##name(void *d) { \
        free(d); \
        return SUCCESS; \
    }

DESCRIBES(ActivationDescriptor)
DESCRIBES(ConvolutionDescriptor)
DESCRIBES(DropoutDescriptor)
DESCRIBES(FilterDescriptor)
DESCRIBES(LRNDescriptor)
DESCRIBES(PoolingDescriptor)
DESCRIBES(RNNDataDescriptor)
DESCRIBES(RNNDescriptor)
DESCRIBES(ReduceTensorDescriptor)
DESCRIBES(TensorDescriptor)

#define SETS(name) \
    int name(void) { return SUCCESS; }

SETS(cudnnDeriveBNTensorDescriptor)
SETS(cudnnSetActivationDescriptor)
SETS(cudnnSetConvolutionGroupCount)
SETS(cudnnSetConvolutionMathType)
SETS(cudnnSetConvolutionNdDescriptor)
SETS(cudnnSetFilter4dDescriptor)
SETS(cudnnSetFilterNdDescriptor)
SETS(cudnnSetPoolingNdDescriptor)
SETS(cudnnSetReduceTensorDescriptor)
SETS(cudnnSetTensor4dDescriptor)
SETS(cudnnSetTensorNdDescriptor)

static int reduction_size(size_t *bytes) {
    *bytes = standin_settings().workspace;
    return SUCCESS;
}

int cudnnGetReductionWorkspaceSize(struct handle *h, void *reduction, void *from, void *to, size_t *bytes) {
    (void)h, (void)reduction, (void)from, (void)to;
    return reduction_size(bytes);
}

int cudnnGetReductionIndicesSize(struct handle *h, void *reduction, void *from, void *to, size_t *bytes) {
    (void)h, (void)reduction, (void)from, (void)to;
    *bytes = 0;
    return SUCCESS;
}
