/* A tool as NVTX loads it from $NVTX_INJECTION64_PATH: writes each range of a domain to the file $NVTX_EVENTS, a line
 * each: "push TYPE DOMAIN MESSAGE" or "pop DOMAIN".
 *
 * Types, numbers and names: NVIDIA/NVTX at 08ff3f5b48f8, c/include/nvtx3/nvtxDetail/nvtxTypes.h and nvToolsExt.h. That
 * is what a tool may rely on, whichever NVTX an application was built with.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ETID_CALLBACKS = 1, CB_MODULE_CORE2 = 5 }; /* NvtxExportTableID, NvtxCallbackModule */
enum { RANGE_PUSH_EX = 4, RANGE_POP = 5, REGISTER_STRING_A = 10, CREATE_A = 12 }; /* NvtxCallbackIdCore2 */
enum { MESSAGE_TYPE_REGISTERED = 3 }; /* nvtxMessageType_t */

typedef void (*Function)(void); /* NvtxFunctionPointer */
typedef struct { size_t struct_size; int (*module_table)(int, Function ***, unsigned *); } Callbacks;
typedef const void *(*ExportTable)(uint32_t); /* NvtxGetExportTableFunc_t */

typedef struct { /* nvtxEventAttributes_v2 */
    uint16_t version, size;
    uint32_t category;
    int32_t color_type;
    uint32_t color;
    int32_t payload_type, reserved0;
    uint64_t payload;
    int32_t message_type;
    const char *message;
} Attributes;

static FILE *events;

/* What stands for a domain and for a registered string is ours to choose: their names. */
static char *create_domain(const char *name) { return strdup(name); }

static char *register_string(const char *domain, const char *string)
{
    (void)domain;
    return strdup(string);
}

static int push(const char *domain, const Attributes *range)
{
    const char *message = range->message_type == MESSAGE_TYPE_REGISTERED ? range->message : "?";
    return fprintf(events, "push %d %s %s\n", range->message_type, domain, message), 0;
}

static int pop(const char *domain) { return fprintf(events, "pop %s\n", domain), 0; }

int InitializeInjectionNvtx2(ExportTable export_table)
{
    const Callbacks *callbacks = export_table(ETID_CALLBACKS);
    const char *path = getenv("NVTX_EVENTS");
    Function **table = NULL;
    unsigned size = 0;
    if (!callbacks || !path || !callbacks->module_table(CB_MODULE_CORE2, &table, &size) || size <= CREATE_A)
        return 0;
    if (!(events = fopen(path, "a")))
        return 0;
    setvbuf(events, NULL, _IOLBF, 0);
    *table[CREATE_A] = (Function)create_domain;
    *table[REGISTER_STRING_A] = (Function)register_string;
    *table[RANGE_PUSH_EX] = (Function)push;
    *table[RANGE_POP] = (Function)pop;
    return 1;
}
