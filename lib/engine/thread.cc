#include "lib/engine/thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <utility>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr int kNice = 10;

}  // namespace

std::thread StartThread(const char* name, std::function<void()> run) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // a new thread inherits the mask
  const auto restore = [](const sigset_t* mask) { pthread_sigmask(SIG_SETMASK, mask, nullptr); };
  const std::unique_ptr<const sigset_t, decltype(restore)> guard(&before, restore);
  return std::thread([name, run = std::move(run)] {
    static_cast<void>(::pthread_setname_np(::pthread_self(), name));
    run();
  });
}

void StepBack() {
  static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice));
}

}  // namespace v1
}  // namespace insightflow
