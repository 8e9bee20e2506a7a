// Bytes to stdout or to a file, which is there under its name only once it is whole.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "insightflow/status.h"
#include "server/app/signals.h"

namespace insightflow::server {

// One thread at a time. What is not finished is removed.
class OutputFile {
 public:
  // "-" is stdout. Errors name the path.
  static Result<std::unique_ptr<OutputFile>> Open(const std::string& path, Signals& signals);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Returns early, without an error, at a signal: see Signals::Signalled.
  Status Write(std::string_view bytes);
  Status Finish();

  // The reader of a pipe has gone: the error that Write gave means no more than that.
  bool broken_pipe() const { return broken_pipe_; }

 private:
  OutputFile(std::string path, std::string temporary, int fd, Signals& signals);
  Status Failed(int error) const;

  const std::string path_;
  std::string temporary_;  // empty: written in place
  const bool regular_;
  int fd_;
  Signals& signals_;
  bool broken_pipe_ = false;
};

}  // namespace insightflow::server
