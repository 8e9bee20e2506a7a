#include "benchmarks/http/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string_view>

namespace insightflow::benchmarks {
namespace {

constexpr std::string_view kReady = "listening on http://";
constexpr int kStartSecondsMax = 60;

int Spawn(const std::vector<std::string>& words, int log_fd) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, log_fd, STDERR_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = -1;
  if (posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ) != 0) pid = -1;
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

// The port of the line that says where the server listens, 0 while it has not come.
int PortIn(std::string_view log) {
  const std::size_t at = log.find(kReady);
  if (at == std::string_view::npos) return 0;
  const std::string_view rest = log.substr(at + kReady.size());
  const std::size_t colon = rest.find(':');
  if (colon == std::string_view::npos || rest.find('\n') == std::string_view::npos) return 0;
  int port = 0;
  std::from_chars(rest.data() + colon + 1, rest.data() + rest.size(), port);
  return port;
}

}  // namespace

std::unique_ptr<ServerProcess> ServerProcess::Start(const std::string& program,
                                                    const std::string& data_dir,
                                                    const std::vector<std::string>& more) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return nullptr;
  std::vector<std::string> words = {program,  "serve",    "--data",
                                    data_dir, "--listen", "127.0.0.1:0"};
  words.insert(words.end(), more.begin(), more.end());
  std::unique_ptr<ServerProcess> server(new ServerProcess);
  server->pid_ = Spawn(words, ends[1]);
  server->log_fd_ = ends[0];
  close(ends[1]);
  if (server->pid_ < 0 || !server->AwaitPort()) {
    std::fprintf(stderr, "%s did not start\n", program.c_str());
    return nullptr;
  }
  return server;
}

bool ServerProcess::AwaitPort() {
  std::string log;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(kStartSecondsMax);
  while (port_ == 0 && std::chrono::steady_clock::now() < deadline) {
    pollfd wait = {log_fd_, POLLIN, 0};
    if (poll(&wait, 1, 1000) <= 0) continue;
    char bytes[4096];
    const ssize_t got = read(log_fd_, bytes, sizeof(bytes));
    if (got <= 0) break;
    log.append(bytes, static_cast<std::size_t>(got));
    port_ = PortIn(log);
  }
  if (port_ == 0) std::fprintf(stderr, "%s", log.c_str());
  drain_ = std::thread([fd = log_fd_] {
    char bytes[4096];
    while (read(fd, bytes, sizeof(bytes)) > 0) {
    }
  });
  return port_ != 0;
}

ServerProcess::~ServerProcess() {
  Stop();
  if (drain_.joinable()) drain_.join();
  if (log_fd_ >= 0) close(log_fd_);
}

double ServerProcess::CpuSeconds() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
  std::string text;
  std::getline(file, text, ')');  // the name may hold spaces
  double user = 0;
  double system = 0;
  for (int i = 3; i < 14; ++i) file >> text;
  file >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

bool ServerProcess::Stop() {
  if (pid_ < 0) return false;
  kill(pid_, SIGTERM);
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace insightflow::benchmarks
