// The calls of Engine about stored funnels.

#include <string>

#include "lib/engine/engine_impl.h"

namespace insightflow {
inline namespace v1 {

Result<std::vector<FunnelDefinition>> Engine::Funnels() const {
  return impl_->WithLog([this](EventLog&) { return impl_->funnels().List(); });
}

Result<FunnelDefinition> Engine::Funnel(std::string_view id) const {
  return impl_->WithLog([&](EventLog&) { return impl_->funnels().Get(id); });
}

Result<FunnelQuery> Engine::ActiveFunnel(std::string_view id) const {
  Result<FunnelDefinition> funnel = Funnel(id);
  if (!funnel.ok()) return funnel.status();
  if (funnel->active) return std::move(funnel->query);
  return NotFound("the funnel \"" + funnel->id + "\" is not active, so it answers nothing");
}

Status Engine::AddFunnel(const FunnelDefinition& funnel) {
  return impl_->WithLog([&](EventLog&) { return impl_->funnels().Add(funnel); });
}

Result<bool> Engine::PutFunnel(const FunnelDefinition& funnel) {
  return impl_->WithLog([&](EventLog&) { return impl_->funnels().Put(funnel); });
}

Status Engine::RemoveFunnel(std::string_view id) {
  return impl_->WithLog([&](EventLog&) { return impl_->funnels().Remove(id); });
}

}  // namespace v1
}  // namespace insightflow
