/* Status codes and the error sentence.
 *
 * Every fallible function returns yl_status. The sentence that a person reads (who, what, expected, got)
 * is kept per thread and read with yl_error(); it stays valid until the next failure on that thread. */
#ifndef YL_CORE_STATUS_H
#define YL_CORE_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define YL_STATUSES(X)                                                                                                 \
    X(OK, "no error")                                                                                                  \
    X(INVALID, "an argument or option is of the wrong type, range or shape")                                           \
    X(FORMAT, "a file's content is not what its format asks for")                                                      \
    X(IO, "the operating system refused to read or write")                                                             \
    X(MEMORY, "memory ran out")                                                                                        \
    X(NUMERIC, "a value became NaN or infinite")                                                                       \
    X(INTERRUPTED, "the user asked to stop")                                                                           \
    X(UNSUPPORTED, "this build or device cannot do that")

typedef enum yl_status {
#define X(name, meaning) YL_##name,
    YL_STATUSES(X)
#undef X
} yl_status;

/* The name of a status, as in the list above ("FORMAT"). */
const char *yl_status_name(yl_status status);

/* The last failure's sentence on this thread; "" if there was none. */
const char *yl_error(void);

#if defined(__GNUC__)
#define YL__PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define YL__PRINTF(f, a)
#endif

/* Sets the sentence and returns `status`, so that `return yl__fail(YL_FORMAT, "%s:%d: ...", ...)` is one statement. */
yl_status yl__fail(yl_status status, const char *format, ...) YL__PRINTF(2, 3);

/* Prepends "prefix: " to the current sentence; returns `status`. */
yl_status yl__fail_in(yl_status status, const char *format, ...) YL__PRINTF(2, 3);

/* Returns from the calling function when `expression` fails. */
#define YL_TRY(expression)                                                                                             \
    do {                                                                                                               \
        yl_status status_ = (expression);                                                                              \
        if (status_ != YL_OK) return status_;                                                                          \
    } while (0)

/* Jumps to `label` with the local variable `status` set when `expression` fails. */
#define YL_TRY_GOTO(expression, label)                                                                                 \
    do {                                                                                                               \
        status = (expression);                                                                                         \
        if (status != YL_OK) goto label;                                                                               \
    } while (0)

#ifdef __clang_analyzer__ /* it sees one file at a time: a failure is not YL_OK */
#define yl__fail(status, ...) ((yl__fail)(status, __VA_ARGS__), (status))
#define yl__fail_in(status, ...) ((yl__fail_in)(status, __VA_ARGS__), (status))
#endif

#ifdef __cplusplus
}
#endif
#endif
