// A server of our own to load: started on a free port with an empty store, watched and stopped.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace insightflow::benchmarks {

class ServerProcess {
 public:
  // Starts `program serve --data data_dir --listen 127.0.0.1:0` and waits until it listens. Null,
  // with a message on standard error, when it does not.
  static std::unique_ptr<ServerProcess> Start(const std::string& program,
                                              const std::string& data_dir,
                                              const std::vector<std::string>& more);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  int pid() const { return pid_; }
  int port() const { return port_; }
  double CpuSeconds() const;

  // Asks it to end; true when it did so with status 0.
  bool Stop();

 private:
  ServerProcess() = default;
  bool AwaitPort();

  int pid_ = -1;
  int port_ = 0;
  int log_fd_ = -1;
  std::thread drain_;  // reads the log, so that the server never waits for a reader
};

}  // namespace insightflow::benchmarks
