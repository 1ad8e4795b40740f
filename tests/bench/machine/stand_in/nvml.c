/* A libnvidia-ml.so.1 without a card: what nvidia-ml-py asks for, answered from files in the folder $NVML_STAND_IN.
 *
 *   scenario     words: headless (nobody can draw on it), consumer (many getters NotSupported), failing-after N (the
 *                card is lost after N questions), container (process ids as the host counts them), blind (no process is
 *                ever listed), mig N (card 1 is cut in N slices), new-driver (no applications clocks); built with -DOLD it lacks what drivers before 535 lack
 *   used         bytes in use by others, throughout
 *   foreign      process ids of others on the card, one a line
 *   throttle     clock event reasons, a number
 *   affinity     processors near the card, words of 64 bits, in hexadecimal; without it 0-3,8-11 and 64
 *   topology     what lies between both cards, a number of nvmlGpuTopologyLevel_t; without it a host bridge
 *   nvlink       what their P2P status by NVLink is, a number of nvmlGpuP2PStatus_t; without it not supported
 *   pcie         the link's generation now; without it that of a card at idle
 *   held/<pid>   bytes that a process holds; counted while that process lives, and forgotten when it is gone
 *
 * Two cards: 0 is the one with these files, 1 an idle one of another model.
 *
 * Names, signatures, structures and numbers are those of nvml.h as nvidia-ml-py 13.615.71 binds it (pynvml.py, named
 * below where it is not the function of the same name). Quantities that say nothing of where they are from are made up.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* pynvml.NVML_SUCCESS and NVML_ERROR_*. */
enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, LOST = 15, DEPRECATED = 26 };

#define TOTAL (16ULL << 30)
/* NVML_VALUE_NOT_AVAILABLE, -1 of the field's type, which pynvml makes None of. */
#define NOT_AVAILABLE 0xFFFFFFFFFFFFFFFFULL

/* pynvml.c_nvmlMemory_t, c_nvmlMemory_v2_t, c_nvmlProcessInfo_v3_t (as c_nvmlProcessInfo_v2_t), c_nvmlUtilization_t. */
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } MemoryV2;
typedef struct { unsigned pid; unsigned long long used; unsigned gpuInstance, computeInstance; } Process;
typedef struct { unsigned gpu, memory; } Utilization;

static int cards[2] = {0, 1};
static int slices[2] = {2, 3}; /* of card 1 */
static long asked = 0;

static FILE *file(const char *name) {
    char path[4096];
    const char *folder = getenv("NVML_STAND_IN");
    if (!folder) return NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return fopen(path, "r");
}

static long long number(const char *name, long long otherwise) {
    FILE *stream = file(name);
    long long value = otherwise;
    if (!stream) return otherwise;
    if (fscanf(stream, "%lld", &value) != 1) value = otherwise;
    fclose(stream);
    return value;
}

static int scenario(const char *word, long *argument) {
    char found[64];
    FILE *stream = file("scenario");
    int yes = 0;
    if (!stream) return 0;
    while (fscanf(stream, "%63s", found) == 1)
        if (!strcmp(found, word)) {
            yes = 1;
            if (argument && fscanf(stream, "%ld", argument) != 1) *argument = 0;
        }
    fclose(stream);
    return yes;
}

static int question(void *device, int rare) {
    long most = 0;
    asked++;
    if (scenario("failing-after", &most) && asked > most) return LOST;
    if (rare && *(int *)device == 0 && scenario("consumer", NULL)) return NOT_SUPPORTED;
    return SUCCESS;
}

static int alive(long pid) { return !kill((pid_t)pid, 0) || errno == EPERM; }

/* Bytes that living processes hold, and their ids where there is room for them. */
static unsigned long long held(Process *found, unsigned room, unsigned *count) {
    char path[4096], name[5000];
    unsigned long long sum = 0;
    struct dirent *entry;
    const char *folder = getenv("NVML_STAND_IN");
    DIR *directory;
    snprintf(path, sizeof path, "%s/held", folder ? folder : "");
    directory = opendir(path);
    while (directory && (entry = readdir(directory))) {
        long pid = atol(entry->d_name);
        if (pid <= 0 || !alive(pid)) continue;
        snprintf(name, sizeof name, "held/%ld", pid);
        long long bytes = number(name, 0);
        if (bytes <= 0) continue;
        sum += (unsigned long long)bytes;
        /* As in a container without --pid=host: the numbers are the host's. */
        if (found && *count < room)
            found[*count] = (Process){(unsigned)(scenario("container", NULL) ? pid + 100000 : pid), bytes, 0, 0};
        (*count)++;
    }
    if (directory) closedir(directory);
    return sum;
}

int nvmlInitWithFlags(unsigned flags) { return flags ? INVALID : SUCCESS; }
int nvmlInit_v2(void) { return SUCCESS; }
int nvmlShutdown(void) { return SUCCESS; }

/* The words of pynvml's NVMLError._errcode_to_string; of DEPRECATED those that nvidia-smi 13 prints of these clocks. */
const char *nvmlErrorString(int code) {
    switch (code) {
        case NOT_SUPPORTED: return "Not Supported";
        case NOT_FOUND: return "Not Found";
        case LOST: return "GPU is lost";
        case DEPRECATED: return "Requested functionality has been deprecated";
        default: return "an error";
    }
}

int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    if (index > 1) return INVALID;
    *device = &cards[index];
    return SUCCESS;
}

int nvmlDeviceGetUUID(void *device, char *uuid, unsigned length) {
    int number = *(int *)device;
    snprintf(uuid, length, number > 1 ? "MIG-0000000%d" : "GPU-0000000%d", number);
    return SUCCESS;
}

static unsigned slice_count(void) {
    long count = 0;
    scenario("mig", &count);
    return count > 2 ? 2 : (unsigned)count;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
    for (unsigned i = 0; i < 2 + slice_count(); i++) {
        char own[64];
        int *candidate = i < 2 ? &cards[i] : &slices[i - 2];
        nvmlDeviceGetUUID(candidate, own, sizeof own);
        if (!strcmp(uuid, own)) { *device = candidate; return SUCCESS; }
    }
    return NOT_FOUND;
}

int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending) {
    *current = *pending = *(int *)device == 1 && scenario("mig", NULL);
    return question(device, 1);
}

/* Seven slices are the most of an A100 (NVIDIA's guide to MIG). */
int nvmlDeviceGetMaxMigDeviceCount(void *device, unsigned *count) {
    *count = *(int *)device == 1 ? 7 : 0;
    return SUCCESS;
}

int nvmlDeviceGetMigDeviceHandleByIndex(void *device, unsigned index, void **slice) {
    if (*(int *)device != 1 || index >= slice_count()) return NOT_FOUND;
    *slice = &slices[index];
    return SUCCESS;
}

int nvmlDeviceGetHandleByPciBusId_v2(const char *bus, void **device) {
    const char *known[] = {":01:00.0", ":41:00.0"};
    for (int i = 0; i < 2; i++)
        if (strlen(bus) >= 8 && !strcmp(bus + strlen(bus) - 8, known[i])) { *device = &cards[i]; return SUCCESS; }
    return NOT_FOUND;
}

int nvmlDeviceGetName(void *device, char *name, unsigned length) {
    int code = question(device, 0);
    if (!code) snprintf(name, length, *(int *)device > 1 ? "Stand-in slice" : *(int *)device ? "Stand-in L4" : "Stand-in A100");
    return code;
}

int nvmlSystemGetDriverVersion(char *version, unsigned length) {
    snprintf(version, length, "580.65.06");
    return SUCCESS;
}

/* 13.0 as nvml.h counts: 1000 x major + 10 x minor (NVML_CUDA_DRIVER_VERSION_MAJOR and _MINOR); 580 is its driver. */
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = 13000; return SUCCESS; }

int nvmlDeviceGetMemoryInfo(void *device, Memory *memory) {
    unsigned count = 0;
    int code = question(device, 0);
    if (code) return code;
    memory->total = TOTAL;
    memory->used = *(int *)device ? 0 : (unsigned long long)number("used", 0) + held(NULL, 0, &count);
    memory->free = memory->total - memory->used;
    return SUCCESS;
}

#ifndef OLD
int nvmlDeviceGetMemoryInfo_v2(void *device, MemoryV2 *memory) {
    Memory plain;
    int code = nvmlDeviceGetMemoryInfo(device, &plain);
    memory->total = plain.total;
    memory->reserved = 256ULL << 20;
    memory->used = plain.used;
    memory->free = plain.free;
    return code;
}
#endif

/* With no room the count and INSUFFICIENT_SIZE, as pynvml.nvmlDeviceGetComputeRunningProcesses_v3 asks first. */
static int processes(void *device, unsigned *count, Process *found, int foreign) {
    unsigned room = *count, pid;
    FILE *stream;
    int code = question(device, 1);
    if (code) return code;
    *count = 0;
    if (*(int *)device == 0 && !scenario("blind", NULL)) {
        stream = foreign ? file("foreign") : NULL;
        while (stream && fscanf(stream, "%u", &pid) == 1) {
            if (found && *count < room) found[*count] = (Process){pid, NOT_AVAILABLE, 0, 0};
            (*count)++;
        }
        if (stream) fclose(stream);
        if (foreign) held(found, room, count);
    }
    if (!found) return *count ? TOO_SMALL : SUCCESS;
    return *count > room ? TOO_SMALL : SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, Process *found) {
    return processes(device, count, found, 1);
}

/* nvml.h has NOT_SUPPORTED among its answers; that cards which cannot draw give it is inferred. */
int nvmlDeviceGetGraphicsRunningProcesses_v3(void *device, unsigned *count, Process *found) {
    if (scenario("headless", NULL)) return NOT_SUPPORTED;
    return processes(device, count, found, 0);
}

#define NUMBER(NAME, TYPE, RARE, VALUE)           \
    int NAME(void *device, TYPE *value) {         \
        int code = question(device, RARE);        \
        if (!code) *value = (TYPE)(VALUE);        \
        return code;                              \
    }

static unsigned long long millijoules(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 100ULL * (now.tv_sec * 1000ULL + now.tv_nsec / 1000000ULL); /* 100 W, throughout */
}

/* Milliwatts and millijoules (nvml.h); 400 W is an A100 SXM4's own limit (its data sheet), 300 W one that was set. */
NUMBER(nvmlDeviceGetEnforcedPowerLimit, unsigned, 1, 300000)
NUMBER(nvmlDeviceGetPowerManagementDefaultLimit, unsigned, 1, 400000)
NUMBER(nvmlDeviceGetPowerUsage, unsigned, 1, 100000)
NUMBER(nvmlDeviceGetTotalEnergyConsumption, unsigned long long, 1, millijoules())
/* pynvml.NVML_FEATURE_ENABLED is 1, NVML_COMPUTEMODE_DEFAULT 0. */
NUMBER(nvmlDeviceGetPersistenceMode, unsigned, 0, 1)
NUMBER(nvmlDeviceGetComputeMode, unsigned, 0, number("compute-mode", 0))
/* The manual of nvidia-smi: generation and width "may be reduced when the GPU is not in use". Here the first is. */
NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, unsigned, 0, number("pcie", 1))
NUMBER(nvmlDeviceGetMaxPcieLinkGeneration, unsigned, 0, 4)
NUMBER(nvmlDeviceGetCurrPcieLinkWidth, unsigned, 0, 16)
NUMBER(nvmlDeviceGetMaxPcieLinkWidth, unsigned, 0, 16)
/* pynvml.nvmlClocksEventReason*; the new name came with driver 535 (NVML's change log). */
#ifdef OLD
NUMBER(nvmlDeviceGetCurrentClocksThrottleReasons, unsigned long long, 0, number("throttle", 0))
#else
NUMBER(nvmlDeviceGetCurrentClocksEventReasons, unsigned long long, 0, number("throttle", 0))
#endif

/* Percent (nvml.h). */
int nvmlDeviceGetUtilizationRates(void *device, Utilization *rates) {
    int code = question(device, 0);
    if (!code) *rates = (Utilization){75, 10};
    return code;
}

/* In MHz; 2 is pynvml.NVML_CLOCK_MEM. 1410 and 1215 MHz are the most of an A100 of 40 GB (its data sheet). */
int nvmlDeviceGetClockInfo(void *device, unsigned kind, unsigned *megahertz) {
    int code = question(device, 0);
    if (!code) *megahertz = kind == 2 ? 1215 : number("throttle", 0) ? 900 : 1410;
    return code;
}

int nvmlDeviceGetMaxClockInfo(void *device, unsigned kind, unsigned *megahertz) {
    int code = question(device, 0);
    if (!code) *megahertz = kind == 2 ? 1215 : 1410;
    return code;
}

/* What `nvidia-smi -q -d CLOCK` printed of an A100: both 1410 MHz; of GeForce cards N/A, which is NOT_SUPPORTED, and
 * of an RTX card with a driver for CUDA 13 that it is deprecated, as pynvml's own comment says. */
static int applications_clock(void *device, unsigned kind, unsigned *megahertz) {
    int code = question(device, 1);
    if (!code && scenario("new-driver", NULL)) return DEPRECATED;
    if (!code) *megahertz = kind == 2 ? 1215 : 1410;
    return code;
}

int nvmlDeviceGetApplicationsClock(void *device, unsigned kind, unsigned *megahertz) {
    return applications_clock(device, kind, megahertz);
}

int nvmlDeviceGetDefaultApplicationsClock(void *device, unsigned kind, unsigned *megahertz) {
    return applications_clock(device, kind, megahertz);
}

/* nvml.h: a bit for each processor, 64 of them to an unsigned long, in an array of so many as the caller says. That it
 * may be empty where a job has part of a node is from a report on Slurm, not from the header. */
int nvmlDeviceGetCpuAffinity(void *device, unsigned size, unsigned long *words) {
    int code = question(device, 0);
    FILE *stream = file("affinity");
    if (code) return code;
    memset(words, 0, size * sizeof *words);
    if (!stream) {
        if (size < 2) return TOO_SMALL;
        words[0] = 0xF0F;
        words[1] = 1;
        return SUCCESS;
    }
    for (unsigned i = 0; i < size && fscanf(stream, "%lx", &words[i]) == 1; i++);
    fclose(stream);
    return SUCCESS;
}

/* pynvml.NVML_TEMPERATURE_GPU is 0. */
int nvmlDeviceGetTemperature(void *device, unsigned sensor, unsigned *celsius) {
    int code = question(device, 0);
    if (!code) *celsius = sensor ? 0 : 55;
    return code;
}

/* 8.0 is an A100's and 8.9 an L4's (NVIDIA's table of compute capabilities). */
int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor) {
    int code = question(device, 0);
    *major = 8;
    *minor = *(int *)device ? 9 : 0;
    return code;
}

int nvmlDeviceGetEccMode(void *device, unsigned *current, unsigned *pending) {
    *current = *pending = 1;
    return question(device, 1);
}

/* pynvml.NVML_TOPOLOGY_HOSTBRIDGE, NVML_P2P_CAPS_INDEX_NVLINK, NVML_P2P_STATUS_OK and _NOT_SUPPORTED, as in nvml.h. */
int nvmlDeviceGetTopologyCommonAncestor(void *one, void *other, unsigned *level) {
    int answer = question(one, 0);
    if (answer) return answer;
    if (!other || one == other) return INVALID;
    *level = (unsigned)number("topology", 30);
    return SUCCESS;
}

int nvmlDeviceGetP2PStatus(void *one, void *other, unsigned index, unsigned *status) {
    int answer = question(one, 0);
    if (answer) return answer;
    if (!other || one == other) return INVALID;
    *status = index == 2 ? (unsigned)number("nvlink", 5) : 0;
    return SUCCESS;
}
