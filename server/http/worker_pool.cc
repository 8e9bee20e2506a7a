#include "server/http/worker_pool.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "server/http/thread.h"

namespace insightflow::server {

WorkerPool::WorkerPool(std::size_t threads_max, std::size_t queue_max)
    : threads_max_(std::max<std::size_t>(threads_max, 1)), queue_max_(queue_max) {}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool WorkerPool::Submit(std::unique_ptr<Job>& job, bool is_rest) {
  const std::lock_guard lock(mutex_);
  const bool may_grow = threads_.size() < threads_max_;
  // A job that a free worker will take, or a new one, does not count as waiting.
  const std::size_t takers = idle_ + (may_grow ? 1 : 0);
  if (!is_rest && queue_.size() >= queue_max_ + takers) return false;
  queue_.push_back(std::move(job));
  if (queue_.size() <= idle_ || !may_grow) {
    ready_.notify_one();
    return true;
  }
  try {
    threads_.push_back(StartThread("if-worker", [this] { Work(); }));
  } catch (const std::system_error&) {
    if (threads_.empty()) {  // nobody would ever take it
      job = std::move(queue_.back());
      queue_.pop_back();
      return false;
    }
  }
  return true;
}

void WorkerPool::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    ready_.wait(lock, [&] { return ending_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    const std::unique_ptr<Job> job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    job->Run();
    lock.lock();
  }
}

}  // namespace insightflow::server
