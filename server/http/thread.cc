#include "server/http/thread.h"

#include <csignal>

#include <memory>
#include <utility>

namespace insightflow::server {

std::thread StartThread(std::function<void()> run) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // a new thread inherits the mask
  const auto restore = [](const sigset_t* mask) { pthread_sigmask(SIG_SETMASK, mask, nullptr); };
  const std::unique_ptr<const sigset_t, decltype(restore)> guard(&before, restore);
  return std::thread(std::move(run));
}

}  // namespace insightflow::server
