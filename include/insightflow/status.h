// Errors as values: no exception crosses the library's edge.
//
//   insightflow::Result<std::unique_ptr<Engine>> engine = Engine::Open(options);
//   if (!engine.ok()) {
//     std::cerr << engine.status().ToString() << '\n';
//     return 1;
//   }
//   (*engine)->Ingest(body);
//
// A Status is cheap to copy when it is OK. Both types are as thread-safe as std::string.
#pragma once

#include <cassert>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "insightflow/export.h"

namespace insightflow {
inline namespace v1 {

// Numbered as the canonical codes of gRPC and Abseil.
enum class StatusCode : int {
  kOk = 0,
  kCancelled = 1,           // the caller has asked for the end
  kInvalidArgument = 3,     // the caller's input is wrong; a retry of the same will fail again
  kDeadlineExceeded = 4,    // the time allowed has passed
  kNotFound = 5,            // no such user, page, file or store
  kAlreadyExists = 6,       // what should be created is there already
  kPermissionDenied = 7,    // the operating system refuses
  kResourceExhausted = 8,   // no room now, in memory or on the disk; retry later
  kFailedPrecondition = 9,  // the store is in use, or its state forbids the call
  kOutOfRange = 11,         // larger than a documented limit; a retry of the same will fail again
  kInternal = 13,           // a defect of the library
  kUnavailable = 14,        // stopped after a write error: the outcome of that write is unknown
  kDataLoss = 15,           // a checksum does not match: stored data is damaged
};

// The name of a code in snake case, for example "data_loss". The pointer is static.
INSIGHTFLOW_EXPORT const char* StatusCodeName(StatusCode code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  static Status Ok() { return Status(); }

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  // Says what happened and what to do, without the code's name. Empty when OK.
  const std::string& message() const { return message_; }
  // "data_loss: log record 17 …", or "ok".
  std::string ToString() const {
    return ok() ? "ok" : std::string(StatusCodeName(code_)) + ": " + message_;
  }

  friend bool operator==(const Status&, const Status&) = default;

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

inline Status InvalidArgument(std::string m) {
  return {StatusCode::kInvalidArgument, std::move(m)};
}
inline Status NotFound(std::string m) { return {StatusCode::kNotFound, std::move(m)}; }
inline Status ResourceExhausted(std::string m) {
  return {StatusCode::kResourceExhausted, std::move(m)};
}
inline Status FailedPrecondition(std::string m) {
  return {StatusCode::kFailedPrecondition, std::move(m)};
}
inline Status OutOfRange(std::string m) { return {StatusCode::kOutOfRange, std::move(m)}; }
inline Status Unavailable(std::string m) { return {StatusCode::kUnavailable, std::move(m)}; }
inline Status DataLoss(std::string m) { return {StatusCode::kDataLoss, std::move(m)}; }
inline Status Internal(std::string m) { return {StatusCode::kInternal, std::move(m)}; }

// Either a T or the Status that says why there is none. Reading the value of a failed result is a
// defect of the caller: an assertion in debug builds.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}        // NOLINT(google-explicit-constructor)
  Result(Status status) : state_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    assert(!std::get<Status>(state_).ok());
  }

  bool ok() const { return std::holds_alternative<T>(state_); }
  Status status() const { return ok() ? Status() : std::get<Status>(state_); }

  T& value() & { return std::get<T>(state_); }
  const T& value() const& { return std::get<T>(state_); }
  // By value, so that `for (… : *engine.UserEvents(…))` does not read a result that is gone.
  T value() && { return std::get<T>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<Status, T> state_;
};

}  // namespace v1
}  // namespace insightflow
