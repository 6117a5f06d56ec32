/*
 * The ceiling of a rollout over database-per-tenant: what an asynchronous C program on libpq reaches when it
 * sends the same SQL text to the same databases. It keeps no books, so whatever Tenantry loses against it is
 * Tenantry's own cost.
 *
 *   ceiling DATABASES_FILE SQL_FILE CONCURRENCY
 *
 * DATABASES_FILE holds one database name per line. SQL_FILE is sent as one simple-query message. Host, port,
 * user, password and startup options come from libpq's environment (PGHOST, PGPORT, PGUSER, PGPASSWORD,
 * PGOPTIONS), never from the command line. Prints one line of JSON; exits 1 when a database failed, 2 when it
 * was started wrongly.
 */
#include <errno.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

enum phase { FREE, CONNECTING, RUNNING };

struct slot {
  PGconn *conn;
  enum phase phase;
  int fd;             /* the socket that epoll knows, or -1 */
  uint32_t interest;  /* the events it was registered for */
  bool failed;
  const char *database;
};

static int epoll_fd;
static const char *sql;
static char **databases;
static size_t database_count, next_database, ok_count, failed_count, in_flight;
static char first_error[1024];

static void die(const char *what, const char *on) {
  fprintf(stderr, "ceiling: %s %s: %s\n", what, on, strerror(errno));
  exit(2);
}

static char *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) die("cannot open", path);
  size_t size = 0, capacity = 65536;
  char *text = malloc(capacity);
  while (text) {
    size_t count = fread(text + size, 1, capacity - size - 1, file);
    if (count == 0) break;
    size += count;
    if (size + 1 == capacity) text = realloc(text, capacity *= 2);
  }
  if (!text || ferror(file)) die("cannot read", path);
  fclose(file);
  text[size] = '\0';
  return text;
}

static void read_databases(const char *path) {
  size_t capacity = 1024;
  databases = malloc(capacity * sizeof *databases);
  for (char *line = strtok(read_file(path), "\r\n"); line; line = strtok(NULL, "\r\n")) {
    if (database_count == capacity) databases = realloc(databases, (capacity *= 2) * sizeof *databases);
    if (!databases) die("cannot hold", path);
    databases[database_count++] = line;
  }
}

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec + at.tv_nsec / 1e9;
}

static void print_json_string(const char *text) {
  putchar('"');
  for (; *text; text++) {
    unsigned char byte = *text;
    if (byte == '"' || byte == '\\') printf("\\%c", byte);
    else if (byte < 0x20) printf("\\u%04x", byte);
    else putchar(byte);
  }
  putchar('"');
}

static void note_failure(struct slot *slot, const char *message) {
  slot->failed = true;
  if (first_error[0]) return;
  snprintf(first_error, sizeof first_error, "%s: %s", slot->database, message);
  size_t length = strlen(first_error);
  while (length > 0 && first_error[length - 1] == '\n') first_error[--length] = '\0';
}

static void finish(struct slot *slot) {
  if (slot->failed) failed_count++;
  else ok_count++;
  PQfinish(slot->conn); /* closing the socket also takes it out of epoll */
  slot->conn = NULL;
  slot->phase = FREE;
  slot->fd = -1;
  in_flight--;
}

/* libpq may close its socket and open another while connecting, even under the same number. */
static void await(struct slot *slot, uint32_t interest) {
  int fd = PQsocket(slot->conn);
  if (fd == slot->fd && interest == slot->interest && slot->phase == RUNNING) return;
  struct epoll_event event = {.events = interest, .data.ptr = slot};
  if (fd == slot->fd && epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0) {
    slot->interest = interest;
    return;
  }
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl on", slot->database);
  slot->fd = fd;
  slot->interest = interest;
}

static void drain(struct slot *slot) {
  if (!PQconsumeInput(slot->conn)) {
    note_failure(slot, PQerrorMessage(slot->conn));
    finish(slot);
    return;
  }
  int unsent = PQflush(slot->conn);
  if (unsent < 0) {
    note_failure(slot, PQerrorMessage(slot->conn));
    finish(slot);
    return;
  }
  while (!PQisBusy(slot->conn)) {
    PGresult *result = PQgetResult(slot->conn);
    if (!result) {
      finish(slot);
      return;
    }
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) {
      note_failure(slot, PQresultErrorMessage(result));
    }
    PQclear(result);
  }
  await(slot, unsent ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void advance(struct slot *slot) {
  if (slot->phase == RUNNING) {
    drain(slot);
    return;
  }
  switch (PQconnectPoll(slot->conn)) {
    case PGRES_POLLING_READING:
      await(slot, EPOLLIN);
      return;
    case PGRES_POLLING_WRITING:
      await(slot, EPOLLOUT);
      return;
    case PGRES_POLLING_OK:
      if (PQsetnonblocking(slot->conn, 1) == 0 && PQsendQuery(slot->conn, sql) == 1) {
        int unsent = PQflush(slot->conn);
        if (unsent >= 0) {
          await(slot, unsent ? EPOLLIN | EPOLLOUT : EPOLLIN);
          slot->phase = RUNNING;
          return;
        }
      }
      break;
    default:
      break;
  }
  note_failure(slot, PQerrorMessage(slot->conn));
  finish(slot);
}

static void start(struct slot *slot) {
  static const char *const keywords[] = {"dbname", "sslmode", "gssencmode", "target_session_attrs",
                                         "application_name", NULL};
  slot->database = databases[next_database++];
  /* sslmode and gssencmode: no round trip before the startup packet; expand_dbname 0: a name is only a name. */
  const char *values[] = {slot->database, "disable", "disable", "any", "tenantry", NULL};
  slot->conn = PQconnectStartParams(keywords, values, 0);
  if (!slot->conn) die("no memory for", slot->database);
  slot->phase = CONNECTING;
  slot->fd = -1;
  slot->failed = false;
  in_flight++;
  if (PQstatus(slot->conn) == CONNECTION_BAD) {
    note_failure(slot, PQerrorMessage(slot->conn));
    finish(slot);
    return;
  }
  await(slot, EPOLLOUT);
}

/* VmHWM, not ru_maxrss: that one begins with what the parent had before exec. */
static long peak_rss_kb(void) {
  FILE *status = fopen("/proc/self/status", "r");
  if (!status) die("cannot open", "/proc/self/status");
  char line[256];
  long kb = -1;
  while (kb < 0 && fgets(line, sizeof line, status)) sscanf(line, "VmHWM: %ld", &kb);
  fclose(status);
  return kb;
}

static void run(size_t concurrency) {
  struct slot *slots = calloc(concurrency, sizeof *slots);
  struct epoll_event *events = calloc(concurrency, sizeof *events);
  if (!slots || !events) die("no memory for", "connections");
  for (;;) {
    for (size_t i = 0; i < concurrency && next_database < database_count; i++) {
      /* A start that fails at once frees its slot, so the same slot goes on to the next database. */
      while (slots[i].phase == FREE && next_database < database_count) start(&slots[i]);
    }
    if (in_flight == 0) break;
    int ready = epoll_wait(epoll_fd, events, (int)concurrency, -1);
    if (ready < 0 && errno != EINTR) die("epoll_wait on", "connections");
    for (int i = 0; i < ready; i++) {
      struct slot *slot = events[i].data.ptr;
      advance(slot);
      if (slot->phase == FREE && next_database < database_count) start(slot);
    }
  }
  free(slots);
  free(events);
}

static double seconds_of(struct timeval time) {
  return time.tv_sec + time.tv_usec / 1e6;
}

int main(int argc, char **argv) {
  long concurrency = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
  if (concurrency < 1 || concurrency > 10000) {
    fputs("usage: ceiling DATABASES_FILE SQL_FILE CONCURRENCY (1..10000)\n", stderr);
    return 2;
  }
  read_databases(argv[1]);
  sql = read_file(argv[2]);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) die("epoll_create1 for", "connections");

  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  double started = now();
  run((size_t)concurrency);
  double seconds = now() - started;
  getrusage(RUSAGE_SELF, &after);

  printf("{\"tenants\":%zu,\"ok\":%zu,\"failed\":%zu,\"first_error\":", database_count, ok_count, failed_count);
  if (first_error[0]) print_json_string(first_error);
  else fputs("null", stdout);
  printf(",\"seconds\":%.6f,\"tenants_per_second\":%.3f,\"cpu_user_s\":%.6f,\"cpu_sys_s\":%.6f,\"peak_rss_kb\":%ld}\n",
         seconds, seconds > 0 ? ok_count / seconds : 0, seconds_of(after.ru_utime) - seconds_of(before.ru_utime),
         seconds_of(after.ru_stime) - seconds_of(before.ru_stime), peak_rss_kb());
  return failed_count > 0 ? 1 : 0;
}
