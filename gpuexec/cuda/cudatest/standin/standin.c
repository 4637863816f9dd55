#define _GNU_SOURCE
#include "standin.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// One line of the control file that changes what a call does.
struct fault {
    char call[80];
    bool hang;
    int code;
    long after; // matching calls that are still let through
    long times; // answers that are still to be given, STANDIN_NEVER for no end
};

enum { MOST_FAULTS = 32, MOST_STREAMS = 256 };

static int log_file = -1;
static const char *control_path;
static atomic_int poison;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; // guards what follows
static struct timespec control_time;
static struct standin_settings settings;
static struct fault faults[MOST_FAULTS];
static int fault_count;

static const struct standin_settings defaults = {.memory = (size_t)24 << 30, .devices = 1};

__attribute__((constructor)) static void start(void) {
    settings = defaults;
    control_path = getenv("CUDA_STANDIN_CONTROL");
    const char *path = getenv("CUDA_STANDIN_LOG");
    if (path) log_file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    standin_record("start", 0, " ");
}

// A line that cannot be read is a mistake of whoever wrote the test: going on would test something else.
static void refuse(const char *line) {
    fprintf(stderr, "CUDA stand-in: %s: cannot read %s\n", control_path, line);
    abort();
}

static void read_fault(struct fault *f, const char *line) {
    int used = 0;
    *f = (struct fault){.times = STANDIN_NEVER};
    f->hang = sscanf(line, "hang %79s %n", f->call, &used) == 1;
    if (!f->hang && sscanf(line, "fail %79s %d %n", f->call, &f->code, &used) != 2) refuse(line);
    for (const char *rest = line + used; *rest; rest += used) {
        if (sscanf(rest, "after %ld %n", &f->after, &used) != 1 && sscanf(rest, "times %ld %n", &f->times, &used) != 1) refuse(line);
    }
}

static void read_line(const char *line) {
    if (sscanf(line, "memory %zu", &settings.memory) == 1 || sscanf(line, "others %zu", &settings.others) == 1 ||
        sscanf(line, "workspace %zu", &settings.workspace) == 1 ||
        sscanf(line, "devices %d", &settings.devices) == 1 || sscanf(line, "launch %ld", &settings.launch_us) == 1 ||
        sscanf(line, "signals %d", &settings.signals) == 1) {
        return;
    }
    if (fault_count == MOST_FAULTS) refuse(line);
    read_fault(&faults[fault_count++], line);
}

// Reads the control file if it is another one than before; mutex is held. Whoever writes it moves a new file in place of the old
// one, so that it is read whole, and gives each a time of its own.
static void reread_locked(void) {
    struct stat now;
    if (!control_path || stat(control_path, &now) != 0) return;
    if (now.st_mtim.tv_sec == control_time.tv_sec && now.st_mtim.tv_nsec == control_time.tv_nsec) return;
    FILE *file = fopen(control_path, "re");
    if (!file) return;
    control_time = now.st_mtim;
    settings = defaults;
    fault_count = 0;
    char line[256];
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (line[0]) read_line(line);
    }
    fclose(file);
}

struct standin_settings standin_settings(void) {
    pthread_mutex_lock(&mutex);
    reread_locked();
    struct standin_settings s = settings;
    pthread_mutex_unlock(&mutex);
    return s;
}

static bool matches(const char *pattern, const char *call) {
    size_t n = strlen(pattern);
    return n && pattern[n - 1] == '*' ? strncmp(pattern, call, n - 1) == 0 : strcmp(pattern, call) == 0;
}

// What the faults make of one call; mutex is held.
static int apply_locked(const char *call, bool *hang) {
    *hang = false;
    for (struct fault *f = faults; f < faults + fault_count; f++) {
        if (!matches(f->call, call)) continue;
        if (f->after > 0) {
            f->after--;
        } else if (f->times != 0) {
            if (f->times > 0) f->times--;
            *hang = f->hang;
            return f->code;
        }
    }
    return 0;
}

// cudaErrorIllegalAddress, cudaErrorLaunchTimeout and cudaErrorLaunchFailure leave a context that is of no use any more.
static bool poisons(int code) { return code == 700 || code == 702 || code == 719; }

int standin_poison(void) { return atomic_load(&poison); }

static bool same_control(struct timespec time) {
    pthread_mutex_lock(&mutex);
    reread_locked();
    bool same = control_time.tv_sec == time.tv_sec && control_time.tv_nsec == time.tv_nsec;
    pthread_mutex_unlock(&mutex);
    return same;
}

int standin_fault(const char *call) {
    for (;;) {
        bool hang;
        pthread_mutex_lock(&mutex);
        reread_locked();
        int code = apply_locked(call, &hang);
        struct timespec time = control_time;
        pthread_mutex_unlock(&mutex);
        if (!hang) {
            int none = 0;
            if (poisons(code)) atomic_compare_exchange_strong(&poison, &none, code);
            return code;
        }
        standin_record(call, 0, "hangs=1");
        while (same_control(time)) usleep(2000);
    }
}

static pid_t thread_id(void) {
    static _Thread_local pid_t id;
    if (!id) id = (pid_t)syscall(SYS_gettid);
    return id;
}

void standin_record(const char *call, int code, const char *format, ...) {
    if (log_file < 0) return;
    char line[512];
    int n = snprintf(line, sizeof line, "%d %d %s %d ", getpid(), thread_id(), call, code);
    va_list arguments;
    va_start(arguments, format);
    n += vsnprintf(line + n, sizeof line - n - 1, format, arguments);
    va_end(arguments);
    if (n > (int)sizeof line - 2) n = sizeof line - 2; // it was cut
    line[n++] = '\n';
    if (write(log_file, line, n) != n) abort(); // a log with holes would prove nothing
}

// When the work of each stream will be done, in nanoseconds of the monotonic clock.
static struct {
    const void *stream;
    int64_t done;
} busy[MOST_STREAMS];
static int busy_count;
static pthread_mutex_t busy_mutex = PTHREAD_MUTEX_INITIALIZER; // guards both

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void standin_enqueue(const void *stream) {
    long us = standin_settings().launch_us;
    if (us <= 0) return;
    pthread_mutex_lock(&busy_mutex);
    int i = 0;
    while (i < busy_count && busy[i].stream != stream) i++;
    if (i == busy_count && busy_count < MOST_STREAMS) busy[busy_count++].stream = stream;
    if (i < MOST_STREAMS) {
        int64_t now = now_ns();
        busy[i].done = (busy[i].done > now ? busy[i].done : now) + us * 1000;
    }
    pthread_mutex_unlock(&busy_mutex);
}

static void wait_until(int64_t done) {
    struct timespec t = {.tv_sec = done / 1000000000, .tv_nsec = done % 1000000000};
    while (done && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {
    }
}

static void wait_for(const void *stream, bool all) {
    int64_t done = 0;
    pthread_mutex_lock(&busy_mutex);
    for (int i = 0; i < busy_count; i++) {
        if ((all || busy[i].stream == stream) && busy[i].done > done) done = busy[i].done;
    }
    pthread_mutex_unlock(&busy_mutex);
    wait_until(done);
}

void standin_wait(const void *stream) { wait_for(stream, false); }
void standin_wait_all(void) { wait_for(NULL, true); }
