/* A stand-in for NVIDIA's libnvidia-ml.so.1: as much of it as the Python binding is asked for here.
 *
 * What it says stands in the file named by JARVISD_FAKE_NVML, which is read again at every call, so that a test can
 * change the cards while somebody looks at them. Lines of "KEY VALUE":
 *
 *   init 18              nvmlInit fails with that code; likewise any call as "0.error 15" for card 0
 *   hang 1               every call waits until this line is gone
 *   driver 580.95.05
 *   0.uuid GPU-...       cards are numbered from 0 without a gap
 *   0.temperature 45     and so on; a value that is missing is not supported (3), "E999" fails with that code
 *   0.compute 4321:1048576,99:?      processes with their bytes; likewise 0.graphics
 *   0.xid 79             reported once for each change
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, UNINITIALIZED = 1, INVALID = 2, NOT_SUPPORTED = 3, TOO_SMALL = 7, NOT_LOADED = 9, TIMED_OUT = 10 };
enum { MOST_CARDS = 4, TEXT = 16384 };

static struct card { int number; long long told_xid; } cards[MOST_CARDS] = {{0, 0}, {1, 0}, {2, 0}, {3, 0}};
typedef struct card *device;
static int initialized;

/* The value of a key in `value`; 0 where there is none. */
static int find(const char *key, char *value, size_t size) {
    static char text[TEXT];
    const char *path = getenv("JARVISD_FAKE_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file) return 0;
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    size_t length = strlen(key);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        if (!strncmp(line, key, length) && line[length] == ' ') {
            snprintf(value, size, "%s", line + length + 1);
            return 1;
        }
    return 0;
}

static int code(const char *key) {
    char value[32];
    return find(key, value, sizeof value) ? atoi(value) : OK;
}

static void hang(void) {
    char value[32];
    while (find("hang", value, sizeof value)) usleep(10000);
}

/* The text of a card's value, or why there is none. */
static int text_of(device card, const char *name, char *value, size_t size) {
    char key[64];
    hang();
    if (!initialized) return UNINITIALIZED;
    snprintf(key, sizeof key, "%d.error", card->number);
    int error = code(key);
    if (error) return error;
    snprintf(key, sizeof key, "%d.%s", card->number, name);
    if (!find(key, value, size)) return NOT_SUPPORTED;
    return value[0] == 'E' ? atoi(value + 1) : OK;
}

static int number_of(device card, const char *name, long long *number) {
    char value[64];
    int error = text_of(card, name, value, sizeof value);
    if (!error) *number = atoll(value);
    return error;
}

static int unsigned_of(device card, const char *name, unsigned *number) {
    long long wide = 0;
    int error = number_of(card, name, &wide);
    *number = (unsigned)wide;
    return error;
}

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    hang();
    if (!getenv("JARVISD_FAKE_NVML")) return NOT_LOADED;
    int error = code("init");
    if (!error) initialized = 1;
    return error;
}

int nvmlShutdown(void) { initialized = 0; return OK; }

const char *nvmlErrorString(int error) { (void)error; return "an error of the stand-in"; }

int nvmlSystemGetDriverVersion(char *version, unsigned size) {
    return find("driver", version, size) ? OK : NOT_SUPPORTED;
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    char key[16], value[96];
    hang();
    for (*count = 0; *count < MOST_CARDS; ++*count) {
        snprintf(key, sizeof key, "%u.uuid", *count);
        if (!find(key, value, sizeof value)) break;
    }
    return OK;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, device *card) {
    char key[16];
    hang();
    if (index >= MOST_CARDS) return INVALID;
    *card = &cards[index];
    snprintf(key, sizeof key, "%u.handle_error", index);
    return code(key);
}

int nvmlDeviceGetUUID(device card, char *uuid, unsigned size) { return text_of(card, "uuid", uuid, size); }
int nvmlDeviceGetName(device card, char *name, unsigned size) { return text_of(card, "name", name, size); }

int nvmlDeviceGetCudaComputeCapability(device card, int *major, int *minor) {
    char value[16];
    int error = text_of(card, "capability", value, sizeof value);
    if (!error) sscanf(value, "%d.%d", major, minor);
    return error;
}

struct memory { unsigned long long total, free, used; };
struct memory_v2 { unsigned version; unsigned long long total, reserved, free, used; };

int nvmlDeviceGetMemoryInfo(device card, struct memory *memory) {
    long long total = 0, used = 0, reserved = 0;
    int error = number_of(card, "memory_total", &total);
    if (!error) error = number_of(card, "memory_used", &used);
    number_of(card, "memory_reserved", &reserved);
    *memory = (struct memory){total, total - used - reserved, used + reserved};
    return error;
}

int nvmlDeviceGetMemoryInfo_v2(device card, struct memory_v2 *memory) {
    long long reserved = 0;
    struct memory plain;
    int error = number_of(card, "memory_reserved", &reserved);
    if (!error) error = nvmlDeviceGetMemoryInfo(card, &plain);
    if (!error) {
        memory->total = plain.total;
        memory->free = plain.free;
        memory->used = plain.used - reserved;
        memory->reserved = reserved;
    }
    return error;
}

struct process { unsigned pid; unsigned long long bytes; unsigned gpu_instance, compute_instance; };

static int processes(device card, const char *name, unsigned *count, struct process *found) {
    char value[1024];
    int error = text_of(card, name, value, sizeof value);
    if (error) return error;
    unsigned room = *count;
    *count = 0;
    for (char *entry = strtok(value, ","); entry; entry = strtok(NULL, ",")) {
        char *bytes = strchr(entry, ':') + 1;
        if (*count < room && found)
            found[*count] = (struct process){atoi(entry), *bytes == '?' ? ~0ULL : strtoull(bytes, NULL, 10), ~0U, ~0U};
        ++*count;
    }
    return *count > room ? TOO_SMALL : OK;
}

int nvmlDeviceGetComputeRunningProcesses_v3(device card, unsigned *count, struct process *found) {
    return processes(card, "compute", count, found);
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(device card, unsigned *count, struct process *found) {
    return processes(card, "graphics", count, found);
}

struct rates { unsigned gpu, memory; };

int nvmlDeviceGetUtilizationRates(device card, struct rates *rates) {
    rates->memory = 0;
    return unsigned_of(card, "utilisation", &rates->gpu);
}

int nvmlDeviceGetTemperature(device card, int sensor, unsigned *celsius) {
    (void)sensor;
    return unsigned_of(card, "temperature", celsius);
}

#ifndef OLD_DRIVER
struct temperature { unsigned version; int sensor, celsius; };

int nvmlDeviceGetTemperatureV(device card, struct temperature *found) {
    return unsigned_of(card, "temperature", (unsigned *)&found->celsius);
}
#endif

int nvmlDeviceGetTemperatureThreshold(device card, int threshold, unsigned *celsius) {
    return unsigned_of(card, threshold == 1 ? "slowdown" : "shutdown", celsius);
}

int nvmlDeviceGetPowerUsage(device card, unsigned *mw) { return unsigned_of(card, "power_mw", mw); }
int nvmlDeviceGetEnforcedPowerLimit(device card, unsigned *mw) { return unsigned_of(card, "power_limit_mw", mw); }
int nvmlDeviceGetFanSpeed(device card, unsigned *percent) { return unsigned_of(card, "fan", percent); }
int nvmlDeviceGetCurrPcieLinkGeneration(device card, unsigned *number) { return unsigned_of(card, "pcie_generation", number); }
int nvmlDeviceGetCurrPcieLinkWidth(device card, unsigned *lanes) { return unsigned_of(card, "pcie_width", lanes); }

int nvmlDeviceGetTotalEnergyConsumption(device card, unsigned long long *mj) {
    return number_of(card, "energy_mj", (long long *)mj);
}

int nvmlDeviceGetClockInfo(device card, int kind, unsigned *mhz) {
    return unsigned_of(card, kind == 0 ? "graphics_mhz" : "memory_mhz", mhz);
}

int nvmlDeviceGetCurrentClocksThrottleReasons(device card, unsigned long long *bits) {
    return number_of(card, "throttle", (long long *)bits);
}

int nvmlEventSetCreate(void **events) { static int set; *events = &set; return OK; }
int nvmlEventSetFree(void *events) { (void)events; return OK; }

int nvmlDeviceGetSupportedEventTypes(device card, unsigned long long *types) {
    (void)card;
    *types = 8;
    return OK;
}

int nvmlDeviceRegisterEvents(device card, unsigned long long types, void *events) {
    (void)card, (void)types, (void)events;
    return OK;
}

struct event { device card; unsigned long long type, data; unsigned gpu_instance, compute_instance; };

int nvmlEventSetWait_v2(void *events, struct event *event, unsigned timeout_ms) {
    char key[16], value[32];
    (void)events, (void)timeout_ms;
    hang();
    for (device card = cards; card < cards + MOST_CARDS; ++card) {
        snprintf(key, sizeof key, "%d.xid", card->number);
        if (!find(key, value, sizeof value) || atoll(value) == card->told_xid) continue;
        card->told_xid = atoll(value);
        *event = (struct event){card, 8, (unsigned long long)card->told_xid, ~0U, ~0U};
        return OK;
    }
    return TIMED_OUT;
}
