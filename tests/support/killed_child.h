// A child process that works on a store and tells its answers through a pipe until it is killed.
//
// The test program is its own child: main() calls ChildMain before it runs tests.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

extern char** environ;

namespace insightflow::testing {

// What a child runs: it never returns but by an error's exit code. One small write to the pipe is
// atomic.
using ChildRun = int (*)(const std::string& dir, std::uint64_t seed, int pipe_fd);

// The exit code of a child; nullopt in the test itself.
inline std::optional<int> ChildMain(int argc, char** argv, ChildRun run) {
  if (argc != 5 || std::strcmp(argv[1], "--child") != 0) return std::nullopt;
  return run(argv[2], std::strtoull(argv[3], nullptr, 10), std::atoi(argv[4]));
}

inline std::pair<pid_t, int> StartChild(const std::string& dir, std::uint64_t seed) {
  int fds[2];
  EXPECT_EQ(::pipe(fds), 0);
  EXPECT_EQ(::fcntl(fds[0], F_SETFD, FD_CLOEXEC), 0);
  std::string self = "/proc/self/exe", flag = "--child", dir_text = dir;
  std::string seed_text = std::to_string(seed), fd_text = std::to_string(fds[1]);
  char* args[] = {self.data(),      flag.data(),    dir_text.data(),
                  seed_text.data(), fd_text.data(), nullptr};
  pid_t pid = -1;
  EXPECT_EQ(::posix_spawn(&pid, self.c_str(), nullptr, nullptr, args, environ), 0);
  ::close(fds[1]);
  return {pid, fds[0]};
}

// Lets a child live for so many answers, of an int each, and kills it; returns how many it gave.
inline std::uint64_t LiveAndDie(const std::string& dir, std::uint64_t seed, std::uint64_t answers) {
  const auto [pid, pipe_fd] = StartChild(dir, seed);
  std::uint64_t answered = 0;
  const auto read_answer = [&, fd = pipe_fd] {
    int answer = 0;
    if (::read(fd, &answer, sizeof answer) != sizeof answer) return false;
    ++answered;
    return true;
  };
  for (std::uint64_t i = 0; i < answers && read_answer(); ++i) {
  }
  EXPECT_EQ(::kill(pid, SIGKILL), 0);
  while (read_answer()) {
  }
  ::close(pipe_fd);
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
  return answered;
}

}  // namespace insightflow::testing
