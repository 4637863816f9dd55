// What the stand-ins of the CUDA libraries share: a log of the calls that they are asked for, and a control file that says what
// they answer. Both are named by the environment, so that a child process takes them along:
//
//   CUDA_STANDIN_LOG      each call appends one line; none is written when it is unset
//   CUDA_STANDIN_CONTROL  read at start and again whenever it was replaced; none needs to be there
//
// A line of the log is "process thread call code key=value ...". One write(2) appends it, so that it is whole, and there, even when
// the process is killed in the next moment.
//
// The control file has a line a setting; CALL is a function's name, or how it begins and then *:
//
//   memory BYTES                            of each card; 24 GiB
//   others BYTES                            of that, other programs have; 0
//   devices N                               how many cards; 1
//   workspace BYTES                         that each cuDNN plan asks for; 0
//   launch MICROSECONDS                     that the work of one launch keeps its stream busy; 0
//   signals 1                               building a plan takes SIGUSR2 from whoever had it
//   fail CALL CODE [after N] [times N]      the call answers CODE, once it was asked N times, so many times; from now on, for ever
//   hang CALL [after N] [times N]           the call does not return until the control file is another one
#ifndef STANDIN_H
#define STANDIN_H

#include <stddef.h>
#include <stdint.h>

enum { STANDIN_NEVER = -1 }; // of after and times

struct standin_settings {
    size_t memory, others, workspace;
    int devices;
    long launch_us;
    int signals;
};

// The settings as the control file has them now.
struct standin_settings standin_settings(void);

// What call is to answer: 0, or the code that the control file has for it. Waits while call is to hang. A code of the CUDA runtime
// that poisons a context does so, in whatever library the call is.
int standin_fault(const char *call);

// Appends a line about call, which answers code. format and what follows, which may be empty, are the line's key=value pairs.
void standin_record(const char *call, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

// The error of the CUDA runtime that has poisoned the process's context, or 0. After it no call does anything.
int standin_poison(void);

// Tells that work was put on stream, or on the NULL stream, which lasts as long as the control file says.
void standin_enqueue(const void *stream);
// Waits until the stream's work is done.
void standin_wait(const void *stream);
void standin_wait_all(void);

#endif
