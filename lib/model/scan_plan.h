// What an analysis needs to see of the stored events. The scan reads the columns that this names,
// and no others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "insightflow/query.h"
#include "insightflow/status.h"
#include "lib/model/field_ref.h"
#include "lib/model/predicate.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::size_t kSelectorsMax = 128;
inline constexpr std::size_t kCodedSelectorsMax = 127;

struct ScanSelector {
  std::vector<std::string> types;  // none: any; sorted
  std::vector<Predicate> predicates;

  friend bool operator==(const ScanSelector&, const ScanSelector&) = default;
};

struct ScanPlan {
  static constexpr std::size_t kEveryRow = std::numeric_limits<std::size_t>::max();

  std::int64_t from_ms = std::numeric_limits<std::int64_t>::min();  // inclusive
  std::int64_t to_ms = std::numeric_limits<std::int64_t>::max();    // exclusive
  std::vector<Predicate> filters;  // events that fail one are not seen at all
  std::vector<ScanSelector> selectors;
  // Events that match no selector may be left out.
  bool only_matches = false;
  // Equal times are brought into the clients' order (tab_id and seq). Without it they stand in the
  // order of the log.
  bool needs_client_order = false;
  bool needs_user_ids = false;
  // Each row is looked at by itself: rows may come in any order, those of many users in one run.
  // Not together with the two above. Saves the merge, which is most of a scan.
  bool any_order = false;
  // Where all selectors fit a byte, the visitor takes Timelines::narrow_matches in place of
  // matches.
  bool takes_narrow_matches = false;
  // No event matches two selectors, of which there are at most kCodedSelectorsMax, and the visitor
  // takes Timelines::narrow_matches as codes.
  bool takes_codes = false;
  // The visitor asks for the texts of few rows, by TextWalk: they may come as
  // Timelines::late_texts.
  bool takes_late_texts = false;
  std::vector<FieldRef> texts;  // slots of Timelines::texts
  // By slot: the selector of the rows whose text is asked for, those of others may be absent;
  // kEveryRow: all of them.
  std::vector<std::size_t> text_selectors;
  std::vector<FieldRef> identities;  // slots of Timelines::identities
  std::vector<FieldRef> numbers;     // slots of Timelines::numbers

  // Range and filters of a query.
  Status SetScope(const QueryScope& scope);
  // The bit that tells of a selector; equal selectors share one. kInvalidArgument: a bad filter;
  // kOutOfRange: more than kSelectorsMax.
  Result<std::size_t> AddSelector(const EventSelector& selector);
  // Slots; equal fields share one. kInvalidArgument: an unknown field, or one that is no number.
  Result<std::size_t> AddText(const std::string& field, std::size_t selector = kEveryRow);
  Result<std::size_t> AddIdentity(const std::string& field);
  Result<std::size_t> AddNumber(const std::string& field);
};

}  // namespace v1
}  // namespace insightflow
