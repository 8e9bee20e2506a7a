// kill -9 at any moment: no acknowledged event is lost and none counts twice (G1, G2, G3).
//
// A child process ingests overlapping batches on two threads and reports every answer through a
// pipe. The parent kills it after a random number of answers, opens the store itself, and sends
// everything again.

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "insightflow/engine.h"
#include "tests/support/random_cases.h"
#include "tests/support/temp_dir.h"

extern char** environ;

namespace insightflow {
namespace {

constexpr int kIds = 4000;

EngineOptions OptionsFor(const std::string& dir) {
  EngineOptions options;
  options.data_dir = dir;
  options.dedupe_bytes_max = 16u << 20;
  options.live_save_events = 500;  // so that kills also meet saves
  return options;
}

std::string Batch(int first, int count) {
  std::string body = "[";
  for (int id = first; id < first + count; ++id) {
    if (id != first) body += ",";
    body += R"({"event_id":"e)" + std::to_string(id) + R"(","user_id":"u)" +
            std::to_string(id % 17) + R"(","session_id":"s","event_type":"view","page_url":"/)" +
            std::to_string(id % 7) + R"(","timestamp":)" + std::to_string(1'000'000 + id) + "}";
  }
  return body + "]";
}

struct Ack {
  std::int32_t first;
  std::int32_t count;
};

// The child's life: random batches of random sizes, also of ids that the other thread sends, until
// it is killed. One small write to the pipe is atomic.
int RunChild(const std::string& dir, std::uint64_t seed, int pipe_fd) {
  auto engine = Engine::Open(OptionsFor(dir));
  if (!engine.ok()) {
    std::fprintf(stderr, "child: %s\n", engine.status().ToString().c_str());
    return 3;
  }
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(seed * 2 + t);
      while (true) {
        const int count = 1 + static_cast<int>(random() % (random() % 4 == 0 ? 400 : 20));
        const int first = static_cast<int>(random() % (kIds - count));
        const auto result = (*engine)->Ingest(Batch(first, count));
        if (!result.ok() || result->rejected != 0) std::_Exit(4);
        const Ack ack = {first, count};
        if (::write(pipe_fd, &ack, sizeof ack) != sizeof ack) std::_Exit(5);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return 0;
}

// Starts this program as the child; returns its pid and the reading end of its pipe.
std::pair<pid_t, int> Start(const std::string& dir, std::uint64_t seed) {
  int fds[2];
  EXPECT_EQ(::pipe(fds), 0);
  EXPECT_EQ(::fcntl(fds[0], F_SETFD, FD_CLOEXEC), 0);
  const std::string seed_text = std::to_string(seed), fd_text = std::to_string(fds[1]);
  std::string self = "/proc/self/exe", flag = "--child", dir_text = dir;
  std::string seed_copy = seed_text, fd_copy = fd_text;
  char* args[] = {self.data(),      flag.data(),    dir_text.data(),
                  seed_copy.data(), fd_copy.data(), nullptr};
  pid_t pid = -1;
  EXPECT_EQ(::posix_spawn(&pid, self.c_str(), nullptr, nullptr, args, environ), 0);
  ::close(fds[1]);
  return {pid, fds[0]};
}

TEST(KillTest, NothingAcknowledgedIsLostAndNothingCountsTwice) {
  const std::uint64_t seed = testing::RandomSeed();
  SCOPED_TRACE("INSIGHTFLOW_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  TempDir dir;
  std::string store;
  std::vector<bool> acked;
  const int rounds = testing::RandomCases(50);
  for (int round = 0; round < rounds; ++round) {
    if (round % 10 == 0) {  // several kills in a row on one store, then a new one
      store = dir.path() + "/" + std::to_string(round);
      acked.assign(kIds, false);
    }
    const auto [pid, pipe_fd] = Start(store, seed + round);
    const std::uint64_t answers = random() % 40;
    const auto read_ack = [fd = pipe_fd](Ack* ack) {  // clang 14 captures no structured binding
      return ::read(fd, ack, sizeof *ack) == sizeof *ack;
    };
    const auto note = [&](const Ack& ack) {
      std::fill_n(acked.begin() + ack.first, ack.count, true);
    };
    Ack ack;
    for (std::uint64_t i = 0; i < answers && read_ack(&ack); ++i) note(ack);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    while (read_ack(&ack)) note(ack);
    ::close(pipe_fd);
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);

    auto engine = Engine::Open(OptionsFor(store));
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    const std::uint64_t before = (*engine)->Totals().total;
    const auto acked_count =
        static_cast<std::uint64_t>(std::count(acked.begin(), acked.end(), true));
    ASSERT_GE(before, acked_count) << "round " << round;
    const auto report = (*engine)->Check();
    ASSERT_TRUE(report.ok());
    ASSERT_EQ(report->events, before);
    ASSERT_TRUE(report->damage.empty()) << report->damage[0];
    // Everything that was acknowledged is known: a second sending finds duplicates only.
    for (int id = 0; id < kIds;) {
      if (!acked[id]) {
        ++id;
        continue;
      }
      int end = id;
      while (end < kIds && acked[end]) ++end;
      const auto again = (*engine)->Ingest(Batch(id, end - id));
      ASSERT_TRUE(again.ok());
      ASSERT_EQ(again->accepted, 0u) << "lost: among " << id << " … " << end - 1;
      id = end;
    }
    if (round % 10 == 9) {
      const auto all = (*engine)->Ingest(Batch(0, kIds));
      ASSERT_EQ(all->accepted + before, static_cast<std::uint64_t>(kIds));
      ASSERT_EQ((*engine)->Totals().total, static_cast<std::uint64_t>(kIds));
      ASSERT_EQ((*engine)->Totals().users, 17u);
    }
  }
}

}  // namespace
}  // namespace insightflow

int main(int argc, char** argv) {
  if (argc == 5 && std::strcmp(argv[1], "--child") == 0) {
    return insightflow::RunChild(argv[2], std::strtoull(argv[3], nullptr, 10), std::atoi(argv[4]));
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
