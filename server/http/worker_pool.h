// Threads for work that may block, started when first needed, behind a bounded queue.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace insightflow::server {

// A unit of work, run once on some worker.
class Job {
 public:
  virtual ~Job() = default;
  virtual void Run() = 0;  // must not throw
};

// Thread-safe.
class WorkerPool {
 public:
  WorkerPool(std::size_t threads_max, std::size_t queue_max);
  ~WorkerPool();  // runs what waits, then joins

  // False, and the job is left to the caller, when the queue is full
  // or the system gives no thread. `is_rest`: of something that was taken before, and so is taken
  // also when the queue is full.
  bool Submit(std::unique_ptr<Job>& job, bool is_rest = false);

 private:
  void Work();

  const std::size_t threads_max_;
  const std::size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::unique_ptr<Job>> queue_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool ending_ = false;
};

}  // namespace insightflow::server
