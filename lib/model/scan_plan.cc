#include "lib/model/scan_plan.h"

#include <algorithm>
#include <utility>

namespace insightflow {
inline namespace v1 {
namespace {

Status AddPredicates(const std::vector<Filter>& filters, std::vector<Predicate>* to) {
  for (const Filter& filter : filters) {
    Result<Predicate> predicate = Predicate::Create(filter);
    if (!predicate.ok()) return predicate.status();
    to->push_back(std::move(*predicate));
  }
  return Status::Ok();
}

template <typename T>
std::size_t AddOnce(T value, std::vector<T>* to) {
  const auto found = std::find(to->begin(), to->end(), value);
  const auto at = static_cast<std::size_t>(found - to->begin());
  if (found == to->end()) to->push_back(std::move(value));
  return at;
}

Result<std::size_t> AddField(const std::string& name, std::vector<FieldRef>* to) {
  Result<FieldRef> field = ParseFieldRef(name);
  if (!field.ok()) return field.status();
  return AddOnce(std::move(*field), to);
}

}  // namespace

Status ScanPlan::SetScope(const QueryScope& scope) {
  if (scope.from) from_ms = ToMillis(*scope.from);
  if (scope.to) to_ms = ToMillis(*scope.to);
  return AddPredicates(scope.filters, &filters);
}

Result<std::size_t> ScanPlan::AddSelector(const EventSelector& selector) {
  ScanSelector added;
  added.types = selector.types;
  std::sort(added.types.begin(), added.types.end());
  added.types.erase(std::unique(added.types.begin(), added.types.end()), added.types.end());
  if (Status status = AddPredicates(selector.filters, &added.predicates); !status.ok()) {
    return status;
  }
  const std::size_t at = AddOnce(std::move(added), &selectors);
  if (at >= kSelectorsMax) {
    return OutOfRange("a query has at most " + std::to_string(kSelectorsMax) +
                      " different event selectors");
  }
  return at;
}

Result<std::size_t> ScanPlan::AddText(const std::string& field, std::size_t selector) {
  const Result<std::size_t> slot = AddField(field, &texts);
  if (!slot.ok()) return slot;
  if (*slot == text_selectors.size()) text_selectors.push_back(selector);
  if (text_selectors[*slot] != selector) text_selectors[*slot] = kEveryRow;
  return slot;
}

Result<std::size_t> ScanPlan::AddIdentity(const std::string& field) {
  return AddField(field, &identities);
}

Result<std::size_t> ScanPlan::AddNumber(const std::string& field) {
  const Result<FieldRef> ref = ParseFieldRef(field);
  if (!ref.ok()) return ref.status();
  if (!MayBeNumber(ref->kind)) {
    return InvalidArgument("\"" + field +
                           "\" is text; numbers are extra_data.<path>, position_x, position_y, "
                           "seq and timestamp");
  }
  return AddField(field, &numbers);
}

}  // namespace v1
}  // namespace insightflow
