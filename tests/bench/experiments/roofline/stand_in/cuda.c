/* A libcuda.so.1 without a card: what bench/measure/cuda_driver.py calls, with a clock of its own and a strict memory.
 *
 * It refuses what the driver would refuse or leave undefined: a call before cuInit, one without a current context, a
 * handle that does not exist or was given back, a copy beyond what was allocated. Copies really copy. stand_in_... at
 * the end is for tests: to start anew, to let one call fail, to lose copies, and to ask what was called and what is
 * still held. Built with -DOLD it lacks what a driver before CUDA 12.0 lacks.
 *
 * Names, types, layouts and codes are those of NVIDIA's cuda.h of CUDA 12.5 (nvidia-cuda-runtime-cu12 12.5.82), where
 * the same functions are found in 13.0. With -DCUDA_H it is compiled against such a header instead of its own lines,
 * so that a compiler compares every prototype:
 *     cc -fsyntax-only -Wall -Wextra -Werror -DCUDA_H -I FOLDER_OF_CUDA_H cuda.c
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef CUDA_H
#include <cuda.h>
#else
typedef enum {
    CUDA_SUCCESS = 0,
    CUDA_ERROR_INVALID_VALUE = 1,
    CUDA_ERROR_OUT_OF_MEMORY = 2,
    CUDA_ERROR_NOT_INITIALIZED = 3,
    CUDA_ERROR_NO_DEVICE = 100,
    CUDA_ERROR_INVALID_DEVICE = 101,
    CUDA_ERROR_INVALID_CONTEXT = 201,
    CUDA_ERROR_INVALID_PTX = 218,
    CUDA_ERROR_INVALID_HANDLE = 400,
    CUDA_ERROR_NOT_FOUND = 500,
    CUDA_ERROR_ILLEGAL_ADDRESS = 700,
} CUresult;
typedef int CUdevice;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUkern_st *CUkernel;
typedef struct CUstream_st *CUstream;
typedef struct CUgraph_st *CUgraph;
typedef struct CUgraphNode_st *CUgraphNode;
typedef struct CUgraphExec_st *CUgraphExec;
typedef struct {
    CUfunction func;
    unsigned int gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY, blockDimZ, sharedMemBytes;
    void **kernelParams, **extra;
    CUkernel kern;
    CUcontext ctx;
} CUDA_KERNEL_NODE_PARAMS_v2;
#endif

/* The layout that ctypes has to have too: asked by a test, and held against cuda.h here. */
_Static_assert(offsetof(CUDA_KERNEL_NODE_PARAMS_v2, kernelParams) == 40, "three paddings less");
_Static_assert(sizeof(CUDA_KERNEL_NODE_PARAMS_v2) == 72, "v1 is 56");

/* Nanoseconds, made up so that no two results can be taken for each other. */
enum { LAUNCH = 2000, KERNEL = 5000, GRAPH_LAUNCH = 8000, NODE = 3000, WAIT = 1000, COPY = 10000, BACK = 500 };
enum { PINNED_BYTE = 1, PAGEABLE_BYTE = 3 };

enum { STATE_BEFORE_INIT, ANYWHERE, IN_CONTEXT };
enum { MODULE, STREAM, GRAPH, EXECUTABLE, DEVICE_MEMORY, HOST_MEMORY, KINDS };

#define MOST 64
#define DEVICE_BIT (1ULL << 62) /* device addresses are none of the host's, and need all 64 bits */

typedef struct { int kind, nodes; char *bytes; size_t size; CUmodule module; } Thing;

static Thing things[MOST];
static int initialised, retained, depth;
static int seen_total, fail_after, fail_code;
static char fail_name[64], lose_name[64];
static int lose_pinned;
static struct { char name[64]; int count; } seen[MOST];
static long long host_now, device_free;

static int count(const char *name) {
    int i = 0;
    while (i < seen_total && strcmp(seen[i].name, name)) i++;
    if (i == seen_total) snprintf(seen[seen_total++].name, sizeof seen[0].name, "%s", name);
    return ++seen[i].count;
}

/* The code that a test asked for. What gives back does so all the same: all of these "may also return error codes from
 * previous, asynchronous launches" (cuda.h, \notefnerr). */
static CUresult injected(const char *name) {
    return count(name) == fail_after && !strcmp(name, fail_name) ? (CUresult)fail_code : CUDA_SUCCESS;
}

static CUresult refused(int where) {
    if (where >= ANYWHERE && !initialised) return CUDA_ERROR_NOT_INITIALIZED; /* cuda.h, cuInit */
    return where >= IN_CONTEXT && !depth ? CUDA_ERROR_INVALID_CONTEXT : CUDA_SUCCESS;
}

#define ENTER(WHERE)                                      \
    CUresult code = injected(__func__);                   \
    if (!code) code = refused(WHERE);                     \
    if (code) return code

#define LEAVE(WHERE)                                      \
    CUresult code = injected(__func__), no = refused(WHERE); \
    if (no) return no

/* A handle is the address of a thing; what is in it is taken for a thing only after it was found among them. */
static Thing *find(const void *handle, int kind) {
    for (int i = 0; i < MOST; i++)
        if (handle == &things[i] && things[i].kind == kind + 1) return &things[i];
    return NULL;
}

static Thing *make(int kind, size_t size) {
    for (int i = 0; i < MOST; i++)
        if (!things[i].kind) {
            things[i] = (Thing){kind + 1, 0, size ? malloc(size) : NULL, size, NULL};
            return &things[i];
        }
    abort();
}

static CUresult drop(Thing *thing, CUresult otherwise) {
    if (!thing) return otherwise;
    free(thing->bytes);
    *thing = (Thing){0};
    return CUDA_SUCCESS;
}

static Thing *memory(int kind, const char *address, size_t size) {
    for (int i = 0; i < MOST; i++)
        if (things[i].kind == kind + 1 && address >= things[i].bytes && address + size <= things[i].bytes + things[i].size)
            return &things[i];
    return NULL;
}

CUresult cuInit(unsigned int flags) {
    ENTER(STATE_BEFORE_INIT);
    initialised = !flags;
    return flags ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS; /* cuda.h: "the Flags parameter must be 0" */
}

CUresult cuGetErrorName(CUresult error, const char **name) {
#define NAME(CODE) {CODE, #CODE}
    static const struct { CUresult code; const char *name; } names[] = {
        NAME(CUDA_ERROR_INVALID_VALUE), NAME(CUDA_ERROR_OUT_OF_MEMORY), NAME(CUDA_ERROR_NOT_INITIALIZED),
        NAME(CUDA_ERROR_NO_DEVICE), NAME(CUDA_ERROR_INVALID_DEVICE), NAME(CUDA_ERROR_INVALID_CONTEXT),
        NAME(CUDA_ERROR_INVALID_PTX), NAME(CUDA_ERROR_INVALID_HANDLE), NAME(CUDA_ERROR_NOT_FOUND),
        NAME(CUDA_ERROR_ILLEGAL_ADDRESS),
    };
    *name = NULL; /* cuda.h: of a code that is not recognised, with CUDA_ERROR_INVALID_VALUE */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == error) *name = names[i].name;
    return *name ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
    ENTER(ANYWHERE);
    *device = 7; /* a number of its own: none may take the ordinal for it */
    return ordinal ? CUDA_ERROR_INVALID_DEVICE : CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
    ENTER(ANYWHERE);
    if (device != 7) return CUDA_ERROR_INVALID_DEVICE;
    retained++;
    *context = (CUcontext)&retained;
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
    LEAVE(ANYWHERE);
    if (device != 7) return CUDA_ERROR_INVALID_DEVICE;
    if (!retained) return CUDA_ERROR_INVALID_CONTEXT; /* cuda.h: "that has not been previously retained" */
    retained--;
    return code;
}

CUresult cuCtxPushCurrent_v2(CUcontext context) {
    ENTER(ANYWHERE);
    if (context != (CUcontext)&retained || !retained) return CUDA_ERROR_INVALID_CONTEXT;
    depth++;
    return CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent_v2(CUcontext *context) {
    LEAVE(IN_CONTEXT);
    depth--;
    *context = (CUcontext)&retained;
    return code;
}

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
    ENTER(IN_CONTEXT);
    Thing *thing;
    if (strncmp(image, ".version 6.0\n.target sm_60\n", 27)) return CUDA_ERROR_INVALID_PTX;
    thing = make(MODULE, strlen(image) + 1);
    strcpy(thing->bytes, image);
    *module = (CUmodule)thing;
    return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
    ENTER(IN_CONTEXT);
    char entry[128];
    Thing *thing = find(module, MODULE);
    if (!thing) return CUDA_ERROR_INVALID_VALUE;
    snprintf(entry, sizeof entry, ".entry %s(", name);
    if (!strstr(thing->bytes, entry)) return CUDA_ERROR_NOT_FOUND; /* cuda.h: "If no function of that name exists" */
    *function = (CUfunction)thing;                                 /* lives as long as its module */
    return CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule module) {
    LEAVE(IN_CONTEXT);
    no = drop(find(module, MODULE), CUDA_ERROR_INVALID_VALUE);
    return no ? no : code;
}

CUresult cuStreamCreate(CUstream *stream, unsigned int flags) {
    ENTER(IN_CONTEXT);
    if (flags > 1) return CUDA_ERROR_INVALID_VALUE; /* cuda.h: CU_STREAM_DEFAULT 0, CU_STREAM_NON_BLOCKING 1 */
    *stream = (CUstream)make(STREAM, 0);
    return CUDA_SUCCESS;
}

CUresult cuStreamSynchronize(CUstream stream) {
    ENTER(IN_CONTEXT);
    if (!find(stream, STREAM)) return CUDA_ERROR_INVALID_HANDLE;
    if (host_now < device_free) host_now = device_free;
    host_now += WAIT;
    return CUDA_SUCCESS;
}

CUresult cuStreamDestroy_v2(CUstream stream) {
    LEAVE(IN_CONTEXT);
    no = drop(find(stream, STREAM), CUDA_ERROR_INVALID_HANDLE);
    return no ? no : code;
}

static void queue(long long host, long long device) {
    host_now += host;
    if (device_free < host_now) device_free = host_now;
    device_free += device;
}

CUresult cuLaunchKernel(CUfunction function, unsigned int gridX, unsigned int gridY, unsigned int gridZ, unsigned int blockX, unsigned int blockY, unsigned int blockZ, unsigned int shared, CUstream stream, void **parameters, void **extra) {
    ENTER(IN_CONTEXT);
    if (!find(function, MODULE) || !find(stream, STREAM)) return CUDA_ERROR_INVALID_HANDLE;
    if (gridX * gridY * gridZ != 1 || blockX * blockY * blockZ != 1 || shared || parameters || extra)
        return CUDA_ERROR_INVALID_VALUE; /* not what an empty kernel is launched with here */
    queue(LAUNCH, KERNEL);
    return CUDA_SUCCESS;
}

CUresult cuGraphCreate(CUgraph *graph, unsigned int flags) {
    ENTER(IN_CONTEXT);
    if (flags) return CUDA_ERROR_INVALID_VALUE; /* cuda.h: "must be 0" */
    *graph = (CUgraph)make(GRAPH, 0);
    return CUDA_SUCCESS;
}

#ifndef OLD /* cuda.h and cudaTypedefs.h: PFN_cuGraphAddKernelNode_v12000 */
static char nodes[1024];

CUresult cuGraphAddKernelNode_v2(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependencies, size_t count_of_them, const CUDA_KERNEL_NODE_PARAMS_v2 *p) {
    ENTER(IN_CONTEXT);
    Thing *thing = find(graph, GRAPH);
    if (!thing || !find(p->func, MODULE)) return CUDA_ERROR_INVALID_VALUE;
    if (p->gridDimX * p->gridDimY * p->gridDimZ != 1 || p->blockDimX * p->blockDimY * p->blockDimZ != 1)
        return CUDA_ERROR_INVALID_VALUE;
    if (p->sharedMemBytes || p->kernelParams || p->extra || p->kern || p->ctx) return CUDA_ERROR_INVALID_VALUE;
    /* Only a chain is taken: each node but the first after the one before. */
    if (count_of_them != (thing->nodes ? 1 : 0)) return CUDA_ERROR_INVALID_VALUE;
    if (count_of_them && *dependencies != (CUgraphNode)&nodes[thing->nodes - 1]) return CUDA_ERROR_INVALID_VALUE;
    *node = (CUgraphNode)&nodes[thing->nodes++];
    return CUDA_SUCCESS;
}
#endif

CUresult cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph graph, unsigned long long flags) {
    ENTER(IN_CONTEXT);
    Thing *from = find(graph, GRAPH), *thing;
    if (!from || flags) return CUDA_ERROR_INVALID_VALUE;
    thing = make(EXECUTABLE, 0);
    thing->nodes = from->nodes;
    *executable = (CUgraphExec)thing;
    return CUDA_SUCCESS;
}

CUresult cuGraphLaunch(CUgraphExec executable, CUstream stream) {
    ENTER(IN_CONTEXT);
    Thing *thing = find(executable, EXECUTABLE);
    if (!thing || !find(stream, STREAM)) return CUDA_ERROR_INVALID_VALUE;
    queue(GRAPH_LAUNCH, (long long)NODE * thing->nodes);
    return CUDA_SUCCESS;
}

CUresult cuGraphExecDestroy(CUgraphExec executable) {
    LEAVE(IN_CONTEXT);
    no = drop(find(executable, EXECUTABLE), CUDA_ERROR_INVALID_VALUE);
    return no ? no : code;
}

CUresult cuGraphDestroy(CUgraph graph) {
    LEAVE(IN_CONTEXT);
    no = drop(find(graph, GRAPH), CUDA_ERROR_INVALID_VALUE);
    return no ? no : code;
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t size) {
    ENTER(IN_CONTEXT);
    if (!size) return CUDA_ERROR_INVALID_VALUE; /* cuda.h: "If bytesize is 0" */
    *address = (uintptr_t)make(DEVICE_MEMORY, size)->bytes | DEVICE_BIT;
    return CUDA_SUCCESS;
}

CUresult cuMemFree_v2(CUdeviceptr address) {
    LEAVE(IN_CONTEXT);
    if (!(address & DEVICE_BIT)) return CUDA_ERROR_INVALID_VALUE;
    no = drop(memory(DEVICE_MEMORY, (char *)(uintptr_t)(address & ~DEVICE_BIT), 1), CUDA_ERROR_INVALID_VALUE);
    return no ? no : code;
}

CUresult cuMemAllocHost_v2(void **address, size_t size) {
    ENTER(IN_CONTEXT);
    if (!size) return CUDA_ERROR_INVALID_VALUE;
    *address = make(HOST_MEMORY, size)->bytes;
    return CUDA_SUCCESS;
}

CUresult cuMemFreeHost(void *address) {
    LEAVE(IN_CONTEXT);
    no = drop(memory(HOST_MEMORY, address, 1), CUDA_ERROR_INVALID_VALUE);
    return no ? no : code;
}

static CUresult copy(const char *name, char *to, const char *from, CUdeviceptr device, const void *host, size_t size) {
    int pinned = memory(HOST_MEMORY, host, size) != NULL;
    if (!(device & DEVICE_BIT) || !memory(DEVICE_MEMORY, (char *)(uintptr_t)(device & ~DEVICE_BIT), size))
        return CUDA_ERROR_INVALID_VALUE;
    host_now += COPY + (long long)size * (pinned ? PINNED_BYTE : PAGEABLE_BYTE);
    if (strcmp(name, lose_name) || pinned != lose_pinned) memcpy(to, from, size);
    return CUDA_SUCCESS;
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t size) {
    ENTER(IN_CONTEXT);
    return copy(__func__, (char *)(uintptr_t)(to & ~DEVICE_BIT), from, to, from, size);
}

CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t size) {
    ENTER(IN_CONTEXT);
    host_now += BACK;
    return copy(__func__, to, (char *)(uintptr_t)(from & ~DEVICE_BIT), from, to, size);
}

/* For tests. */

/* As it is in a process where TensorFlow has the primary context, and made none current in this thread. */
void stand_in_start(void) {
    for (int i = 0; i < MOST; i++) drop(&things[i], CUDA_SUCCESS);
    initialised = depth = seen_total = fail_after = lose_pinned = 0;
    retained = 1;
    fail_name[0] = lose_name[0] = 0;
    memset(seen, 0, sizeof seen);
    host_now = device_free = 0;
}

void stand_in_fail(const char *name, int call, int code) {
    snprintf(fail_name, sizeof fail_name, "%s", name);
    fail_after = call;
    fail_code = code;
}

void stand_in_lose(const char *name, int pinned) {
    snprintf(lose_name, sizeof lose_name, "%s", name);
    lose_pinned = pinned;
}

int stand_in_calls(const char *name) {
    for (int i = 0; i < seen_total; i++)
        if (!strcmp(seen[i].name, name)) return seen[i].count;
    return 0;
}

/* Things, contexts retained beyond TensorFlow's, and contexts made current that were not given back. */
int stand_in_held(void) {
    int held = abs(retained - 1) + abs(depth);
    for (int i = 0; i < MOST; i++) held += things[i].kind != 0;
    return held;
}

double stand_in_seconds(void) { return (double)host_now * 1e-9; }
