// libcudart.so.13: the CUDA runtime of a machine whose cards compute nothing. Memory is accounted for but cannot be read or
// written; copies to the host give zeros.
//
// The few structs of CUDA 13's runtime that matter are written to by offset: their sizes and offsets were read off
// driver_types.h of the CUDA runtime 13.0.96 for x86-64 Linux.
#define _GNU_SOURCE
#include "standin.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// cudaError_t
enum {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    MEMORY_ALLOCATION = 2,
    INSUFFICIENT_DRIVER = 35,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    NO_KERNEL_IMAGE = 209,
    INVALID_RESOURCE_HANDLE = 400,
    SYMBOL_NOT_FOUND = 500,
    ILLEGAL_ADDRESS = 700,
    LAUNCH_TIMEOUT = 702,
    LAUNCH_FAILURE = 719,
    NOT_SUPPORTED = 801,
};

typedef struct {
    unsigned x, y, z;
} dim3;

static _Thread_local int last_error; // cudaPeekAtLastError's
static _Thread_local int device;

// How each call begins: what it is to answer instead of doing its work, or 0.
static int enter(const char *call) { return standin_poison() ? standin_poison() : standin_fault(call); }

static int answer(int code) {
    if (code) last_error = code;
    return code;
}

// Ends a call that has a line of its own in the log.
#define LEAVE(code, ...) \
    do { \
        int code_ = (code); \
        standin_record(__func__, code_, __VA_ARGS__); \
        return answer(code_); \
    } while (0)

// Ends one that would only fill the log, and has a line when it fails.
#define LEAVE_QUIETLY(code) \
    do { \
        int code_ = (code); \
        if (code_) standin_record(__func__, code_, " "); \
        return answer(code_); \
    } while (0)

// ---- errors

// A variable of the thread, which a poisoned context does not fill again: only a call that does something hears of that.

int cudaGetLastError(void) {
    int code = last_error;
    last_error = SUCCESS;
    return code;
}

int cudaPeekAtLastError(void) { return last_error; }

static const struct {
    int code;
    const char *name, *text;
} errors[] = {
    {SUCCESS, "cudaSuccess", "no error"},
    {INVALID_VALUE, "cudaErrorInvalidValue", "invalid argument"},
    {MEMORY_ALLOCATION, "cudaErrorMemoryAllocation", "out of memory"},
    {INSUFFICIENT_DRIVER, "cudaErrorInsufficientDriver", "CUDA driver version is insufficient for CUDA runtime version"},
    {NO_DEVICE, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {INVALID_DEVICE, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {NO_KERNEL_IMAGE, "cudaErrorNoKernelImageForDevice", "no kernel image is available for execution on the device"},
    {INVALID_RESOURCE_HANDLE, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {SYMBOL_NOT_FOUND, "cudaErrorSymbolNotFound", "named symbol not found"},
    {ILLEGAL_ADDRESS, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {LAUNCH_TIMEOUT, "cudaErrorLaunchTimeout", "the launch timed out and was terminated"},
    {LAUNCH_FAILURE, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {NOT_SUPPORTED, "cudaErrorNotSupported", "operation not supported"},
};

const char *cudaGetErrorName(int code) {
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (errors[i].code == code) return errors[i].name;
    }
    return "unrecognized error code";
}

const char *cudaGetErrorString(int code) {
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (errors[i].code == code) return errors[i].text;
    }
    return "unrecognized error code";
}

// ---- devices

int cudaDriverGetVersion(int *version) {
    *version = 13000;
    return SUCCESS;
}

int cudaRuntimeGetVersion(int *version) {
    *version = 13000;
    return SUCCESS;
}

int cudaGetDeviceCount(int *count) {
    int code = enter(__func__);
    *count = code ? 0 : standin_settings().devices;
    if (!code && *count == 0) code = NO_DEVICE;
    LEAVE(code, "count=%d", *count);
}

int cudaSetDevice(int d) {
    int code = enter(__func__);
    if (!code && (d < 0 || d >= standin_settings().devices)) code = INVALID_DEVICE;
    if (!code) device = d;
    LEAVE(code, "device=%d", d);
}

int cudaSetDeviceFlags(unsigned flags) {
    LEAVE(enter(__func__), "device=%d flags=%u", device, flags);
}

int cudaGetDevice(int *d) {
    *d = device;
    LEAVE_QUIETLY(enter(__func__));
}

int cudaDeviceSynchronize(void) {
    int code = enter(__func__);
    if (!code) standin_wait_all();
    LEAVE(code, " ");
}

// What a card of compute capability 8.6 answers, such as an RTX A5000.
enum { MULTIPROCESSORS = 64, MAJOR = 8, MINOR = 6, THREADS_A_BLOCK = 1024, SHARED_A_BLOCK = 48 << 10, SHARED_OPT_IN = 99 << 10 };

int cudaGetDeviceProperties(char *properties, int d) {
    int code = enter(__func__);
    if (!code && (d < 0 || d >= standin_settings().devices)) code = INVALID_DEVICE;
    if (code) LEAVE_QUIETLY(code);
    memset(properties, 0, 1008); // sizeof(struct cudaDeviceProp)
#define PUT(offset, type, value) (*(type *)(properties + (offset)) = (value))
    strcpy(properties, "CUDA stand-in");
    PUT(288, size_t, standin_settings().memory); // totalGlobalMem
    PUT(296, size_t, SHARED_A_BLOCK);            // sharedMemPerBlock
    PUT(304, int, 65536);                        // regsPerBlock
    PUT(308, int, 32);                           // warpSize
    PUT(320, int, THREADS_A_BLOCK);              // maxThreadsPerBlock
    PUT(324, int, 1024);                         // maxThreadsDim
    PUT(328, int, 1024);
    PUT(332, int, 64);
    PUT(336, int, 0x7fffffff); // maxGridSize
    PUT(340, int, 65535);
    PUT(344, int, 65535);
    PUT(352, size_t, 64 << 10);        // totalConstMem
    PUT(360, int, MAJOR);              // major
    PUT(364, int, MINOR);              // minor
    PUT(368, size_t, 512);             // textureAlignment
    PUT(384, int, MULTIPROCESSORS);    // multiProcessorCount
    PUT(560, int, 1);                  // concurrentKernels
    PUT(568, int, 1 + d);              // pciBusID
    PUT(596, int, 6 << 20);            // l2CacheSize
    PUT(604, int, 1536);               // maxThreadsPerMultiProcessor
    PUT(624, size_t, 100 << 10);       // sharedMemPerMultiprocessor
    PUT(632, int, 65536);              // regsPerMultiprocessor
    PUT(672, size_t, SHARED_OPT_IN);   // sharedMemPerBlockOptin
    PUT(688, int, 16);                 // maxBlocksPerMultiProcessor
#undef PUT
    return SUCCESS;
}

int cudaDeviceGetAttribute(int *value, int attribute, int d) {
    int code = enter(__func__);
    if (!code && (d < 0 || d >= standin_settings().devices)) code = INVALID_DEVICE;
    switch (attribute) { // enum cudaDeviceAttr
    case 1: *value = THREADS_A_BLOCK; break; // MaxThreadsPerBlock
    case 5: *value = 0x7fffffff; break;      // MaxGridDimX
    case 10: *value = 32; break;             // WarpSize
    case 16: *value = MULTIPROCESSORS; break;
    case 33: *value = 1 + d; break; // PciBusId
    case 39: *value = 1536; break;  // MaxThreadsPerMultiProcessor
    case 75: *value = MAJOR; break; // ComputeCapabilityMajor
    case 76: *value = MINOR; break;
    case 97: *value = SHARED_OPT_IN; break; // MaxSharedMemoryPerBlockOptin
    default: *value = 0;
    }
    LEAVE_QUIETLY(code);
}

// ---- memory

struct block {
    void *address;
    size_t bytes;
    struct block *next;
};

static pthread_mutex_t memory_mutex = PTHREAD_MUTEX_INITIALIZER; // guards what follows
static struct block *blocks;
static size_t held;

enum { PAGE = 4096 };

// Device memory is address space that nobody may touch: the host must not, and there is no device.
int cudaMalloc(void **address, size_t bytes) {
    int code = enter(__func__);
    size_t whole = (bytes + PAGE - 1) / PAGE * PAGE;
    struct standin_settings s = standin_settings();
    pthread_mutex_lock(&memory_mutex); // until the line is written, so that the log has allocations in their order
    if (!code && held + whole + s.others > s.memory) code = MEMORY_ALLOCATION;
    *address = NULL;
    if (!code) {
        struct block *b = malloc(sizeof *b);
        *address = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (!b || *address == MAP_FAILED) abort();
        *b = (struct block){*address, whole, blocks};
        blocks = b;
        held += whole;
    }
    standin_record(__func__, code, "bytes=%zu address=%p held=%zu", bytes, *address, held);
    pthread_mutex_unlock(&memory_mutex);
    return answer(code);
}

int cudaFree(void *address) {
    int code = enter(__func__);
    if (!address) LEAVE_QUIETLY(code);
    size_t bytes = 0;
    pthread_mutex_lock(&memory_mutex);
    struct block **at = &blocks;
    while (*at && (*at)->address != address) at = &(*at)->next;
    if (*at && !code) {
        struct block *b = *at;
        *at = b->next;
        bytes = b->bytes;
        held -= bytes;
        munmap(address, bytes);
        free(b);
    } else if (!code) {
        code = INVALID_VALUE;
    }
    standin_record(__func__, code, "bytes=%zu address=%p held=%zu", bytes, address, held);
    pthread_mutex_unlock(&memory_mutex);
    return answer(code);
}

int cudaMemGetInfo(size_t *unused, size_t *total) {
    int code = enter(__func__);
    struct standin_settings s = standin_settings();
    *total = s.memory;
    pthread_mutex_lock(&memory_mutex);
    *unused = s.memory > held + s.others ? s.memory - held - s.others : 0;
    pthread_mutex_unlock(&memory_mutex);
    LEAVE_QUIETLY(code);
}

int cudaHostAlloc(void **address, size_t bytes, unsigned flags) {
    (void)flags;
    int code = enter(__func__);
    *address = code ? NULL : malloc(bytes);
    LEAVE(code, "bytes=%zu", bytes);
}

int cudaMallocHost(void **address, size_t bytes) {
    int code = enter(__func__);
    *address = code ? NULL : malloc(bytes);
    LEAVE(code, "bytes=%zu", bytes);
}

int cudaFreeHost(void *address) {
    int code = enter(__func__);
    if (!code) free(address);
    LEAVE(code, " ");
}

// ---- copies

enum { HOST_TO_HOST, HOST_TO_DEVICE, DEVICE_TO_HOST, DEVICE_TO_DEVICE, BY_ADDRESS }; // enum cudaMemcpyKind

static bool on_device(const void *address) {
    pthread_mutex_lock(&memory_mutex);
    const struct block *b = blocks;
    while (b && !((const char *)address >= (char *)b->address && (const char *)address < (char *)b->address + b->bytes)) b = b->next;
    pthread_mutex_unlock(&memory_mutex);
    return b != NULL;
}

static void copy(void *to, const void *from, size_t bytes, int kind) {
    if (kind == BY_ADDRESS) kind = on_device(to) ? HOST_TO_DEVICE : on_device(from) ? DEVICE_TO_HOST : HOST_TO_HOST;
    if (kind == HOST_TO_HOST) memcpy(to, from, bytes);
    if (kind == DEVICE_TO_HOST) memset(to, 0, bytes);
}

int cudaMemcpy(void *to, const void *from, size_t bytes, int kind) {
    int code = enter(__func__);
    if (!code) copy(to, from, bytes, kind);
    LEAVE(code, "bytes=%zu kind=%d stream=0x0", bytes, kind);
}

int cudaMemcpyAsync(void *to, const void *from, size_t bytes, int kind, void *stream) {
    int code = enter(__func__);
    if (!code) copy(to, from, bytes, kind);
    LEAVE(code, "bytes=%zu kind=%d stream=%#lx", bytes, kind, (unsigned long)stream);
}

int cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height, int kind, void *stream) {
    int code = enter(__func__);
    for (size_t y = 0; y < height && !code; y++) copy((char *)to + y * to_pitch, (const char *)from + y * from_pitch, width, kind);
    LEAVE(code, "bytes=%zu kind=%d stream=%#lx", width * height, kind, (unsigned long)stream);
}

int cudaMemcpyFromSymbol(void *to, const void *symbol, size_t bytes, size_t offset, int kind) {
    (void)symbol, (void)offset;
    int code = enter(__func__);
    if (!code) copy(to, NULL, bytes, DEVICE_TO_HOST);
    LEAVE(code, "bytes=%zu kind=%d stream=0x0", bytes, kind);
}

int cudaMemset(void *address, int value, size_t bytes) {
    (void)address, (void)value;
    LEAVE(enter(__func__), "bytes=%zu stream=0x0", bytes);
}

int cudaMemsetAsync(void *address, int value, size_t bytes, void *stream) {
    (void)address, (void)value;
    LEAVE(enter(__func__), "bytes=%zu stream=%#lx", bytes, (unsigned long)stream);
}

// ---- streams and events

// A handle is a number that no address is and that is never given again, so that one which was destroyed is found out.
enum { FIRST_STREAM = 0x57000000, MOST_STREAMS = 1 << 16 };
static unsigned char stream_lives[MOST_STREAMS]; // guarded by stream_mutex, as the count
static int stream_count;
static pthread_mutex_t stream_mutex = PTHREAD_MUTEX_INITIALIZER;

// The streams 0, 1 and 2 are always there: NULL, legacy and the thread's own.
static int check_stream(const void *stream) {
    uintptr_t n = (uintptr_t)stream;
    if (n <= 2) return SUCCESS;
    pthread_mutex_lock(&stream_mutex);
    bool lives = n >= FIRST_STREAM && n < FIRST_STREAM + (uintptr_t)stream_count && stream_lives[n - FIRST_STREAM];
    pthread_mutex_unlock(&stream_mutex);
    return lives ? SUCCESS : INVALID_RESOURCE_HANDLE;
}

static int enter_on(const char *call, const void *stream) {
    int code = enter(call);
    return code ? code : check_stream(stream);
}

int cudaStreamCreateWithFlags(void **stream, unsigned flags) {
    int code = enter(__func__);
    *stream = NULL;
    pthread_mutex_lock(&stream_mutex);
    if (!code && stream_count == MOST_STREAMS) code = MEMORY_ALLOCATION;
    if (!code) {
        stream_lives[stream_count] = 1;
        *stream = (void *)(uintptr_t)(FIRST_STREAM + stream_count++);
    }
    pthread_mutex_unlock(&stream_mutex);
    LEAVE(code, "stream=%#lx flags=%u", (unsigned long)*stream, flags);
}

int cudaStreamCreate(void **stream) { return cudaStreamCreateWithFlags(stream, 0); }

int cudaStreamDestroy(void *stream) {
    int code = enter_on(__func__, stream);
    if (!code && (uintptr_t)stream <= 2) code = INVALID_RESOURCE_HANDLE;
    if (!code) {
        standin_wait(stream);
        pthread_mutex_lock(&stream_mutex);
        stream_lives[(uintptr_t)stream - FIRST_STREAM] = 0;
        pthread_mutex_unlock(&stream_mutex);
    }
    LEAVE(code, "stream=%#lx", (unsigned long)stream);
}

int cudaStreamSynchronize(void *stream) {
    int code = enter_on(__func__, stream);
    if (!code) standin_wait(stream);
    LEAVE(code, "stream=%#lx", (unsigned long)stream);
}

int cudaStreamWaitEvent(void *stream, void *event, unsigned flags) {
    (void)event, (void)flags;
    LEAVE(enter_on(__func__, stream), "stream=%#lx", (unsigned long)stream);
}

int cudaStreamIsCapturing(void *stream, int *status) {
    *status = 0; // cudaStreamCaptureStatusNone
    LEAVE_QUIETLY(enter_on(__func__, stream));
}

struct event {
    void *stream; // that it was recorded on last
};

int cudaEventCreateWithFlags(void **event, unsigned flags) {
    (void)flags;
    int code = enter(__func__);
    *event = code ? NULL : calloc(1, sizeof(struct event));
    LEAVE_QUIETLY(code);
}

int cudaEventCreate(void **event) { return cudaEventCreateWithFlags(event, 0); }

int cudaEventDestroy(void *event) {
    int code = enter(__func__);
    if (!code) free(event);
    LEAVE_QUIETLY(code);
}

int cudaEventRecord(void *event, void *stream) {
    int code = enter_on(__func__, stream);
    if (!code) ((struct event *)event)->stream = stream;
    LEAVE(code, "stream=%#lx", (unsigned long)stream);
}

int cudaEventSynchronize(void *event) {
    int code = enter(__func__);
    if (!code) standin_wait(((struct event *)event)->stream);
    LEAVE(code, " ");
}

int cudaEventElapsedTime(float *milliseconds, void *from, void *to) {
    (void)from, (void)to;
    *milliseconds = 0;
    LEAVE_QUIETLY(enter(__func__));
}

int cudaLaunchHostFunc(void *stream, void (*function)(void *), void *argument) {
    int code = enter_on(__func__, stream);
    if (!code) function(argument);
    LEAVE(code, "stream=%#lx", (unsigned long)stream);
}

// ---- kernels

// Names by the address of the function in the host's code: a hash table that is filled while the libraries load, by one thread.
enum { KERNELS = 1 << 18 };
static struct {
    const void *function;
    const char *name;
} kernels[KERNELS];

static size_t slot_of(const void *function) {
    size_t i = ((uintptr_t)function >> 4) * 0x9e3779b97f4a7c15u >> 46;
    while (kernels[i].function && kernels[i].function != function) i = (i + 1) % KERNELS;
    return i;
}

void **__cudaRegisterFatBinary(void *binary) {
    (void)binary;
    static void *handle;
    return &handle;
}
void __cudaRegisterFatBinaryEnd(void **handle) { (void)handle; }
void __cudaUnregisterFatBinary(void **handle) { (void)handle; }

void __cudaRegisterFunction(void **handle, const void *function, char *device_function, const char *name) {
    (void)handle, (void)device_function;
    static size_t count;
    if (++count > KERNELS / 2) return; // a full table would be searched for ever
    size_t i = slot_of(function);
    kernels[i].function = function;
    kernels[i].name = name;
}

void __cudaRegisterVar(void) {}

static _Thread_local struct {
    dim3 grid, block;
    size_t shared;
    void *stream;
} configuration;

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, void *stream) {
    configuration.grid = grid, configuration.block = block, configuration.shared = shared, configuration.stream = stream;
    return 0;
}

int __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared, void **stream) {
    *grid = configuration.grid, *block = configuration.block, *shared = configuration.shared, *stream = configuration.stream;
    return SUCCESS;
}

// All ways to launch are one to the log and to the control file.
static int launch(const void *function, void *stream) {
    int code = enter_on("cudaLaunchKernel", stream);
    if (!code) standin_enqueue(stream);
    const char *name = kernels[slot_of(function)].name;
    standin_record("cudaLaunchKernel", code, "stream=%#lx kernel=%.120s", (unsigned long)stream, name ? name : "?");
    return answer(code);
}

int cudaLaunchKernel(const void *function, dim3 grid, dim3 block, void **arguments, size_t shared, void *stream) {
    (void)grid, (void)block, (void)arguments, (void)shared;
    return launch(function, stream);
}

int cudaLaunchKernelExC(const char *configuration_of_launch, const void *function, void **arguments) {
    (void)arguments;
    return launch(function, *(void *const *)(configuration_of_launch + 32)); // cudaLaunchConfig_t.stream
}

int __cudaGetKernel(const void **kernel, const void *function) {
    *kernel = function;
    return SUCCESS;
}

int __cudaLaunchKernel(const void *kernel, dim3 grid, dim3 block, void **arguments, size_t shared, void *stream) {
    (void)grid, (void)block, (void)arguments, (void)shared;
    return launch(kernel, stream);
}

int cudaFuncGetAttributes(char *attributes, const void *function) {
    (void)function;
    memset(attributes, 0, 144);                   // sizeof(struct cudaFuncAttributes)
    *(int *)(attributes + 24) = THREADS_A_BLOCK;  // maxThreadsPerBlock
    *(int *)(attributes + 32) = 10 * MAJOR + MINOR; // ptxVersion
    *(int *)(attributes + 36) = 10 * MAJOR + MINOR; // binaryVersion
    LEAVE_QUIETLY(enter(__func__));
}

int cudaFuncSetAttribute(const void *function, int attribute, int value) {
    (void)function, (void)attribute, (void)value;
    LEAVE_QUIETLY(enter(__func__));
}

int cudaKernelSetAttributeForDevice(const void *kernel, int attribute, int value, int d) {
    (void)kernel, (void)attribute, (void)value, (void)d;
    LEAVE_QUIETLY(enter(__func__));
}

int cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks_active, const void *function, int block, size_t shared, unsigned flags) {
    (void)function, (void)block, (void)shared, (void)flags;
    *blocks_active = 2;
    LEAVE_QUIETLY(enter(__func__));
}

int cudaGetDriverEntryPointByVersion(const char *name, void **function, unsigned version, unsigned long long flags, int *result) {
    (void)name, (void)version, (void)flags;
    *function = NULL;
    if (result) *result = 1; // cudaDriverEntryPointSymbolNotFound
    LEAVE_QUIETLY(enter(__func__));
}

// ---- what this project has no use for: graphs, memory pools and libraries of kernels

#define NOT_HERE(name) \
    int name(void) { LEAVE(NOT_SUPPORTED, " "); }

NOT_HERE(cudaStreamBeginCapture)
NOT_HERE(cudaStreamEndCapture)
NOT_HERE(cudaGraphInstantiate)
NOT_HERE(cudaGraphLaunch)
NOT_HERE(cudaGraphDestroy)
NOT_HERE(cudaGraphExecDestroy)
NOT_HERE(cudaMemPoolCreate)
NOT_HERE(cudaMemPoolDestroy)
NOT_HERE(cudaMemPoolGetAttribute)
NOT_HERE(cudaMemPoolSetAttribute)
NOT_HERE(cudaMemPoolTrimTo)
NOT_HERE(cudaMallocFromPoolAsync)
NOT_HERE(cudaFreeAsync)
NOT_HERE(cudaLibraryLoadData)
NOT_HERE(cudaLibraryGetKernel)
NOT_HERE(cudaLibraryUnload)
