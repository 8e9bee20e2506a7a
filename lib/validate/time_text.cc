#include "lib/validate/time_text.h"

#include <array>
#include <chrono>
#include <cstddef>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Takes pieces off the front of a text; each method returns false when the piece is not there.
class TextReader {
 public:
  explicit TextReader(std::string_view text) : text_(text) {}

  bool Take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool Digits(std::size_t count, int* value) {
    if (text_.size() < count) return false;
    int sum = 0;
    for (const char c : text_.substr(0, count)) {
      if (c < '0' || c > '9') return false;
      sum = sum * 10 + (c - '0');
    }
    text_.remove_prefix(count);
    *value = sum;
    return true;
  }

  // One digit or more; thousandths, rounded down.
  bool Fraction(int* thousandths) {
    int scale = 100;
    *thousandths = 0;
    std::size_t digits = 0;
    for (; digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9'; ++digits) {
      *thousandths += (text_[digits] - '0') * scale;
      scale /= 10;
    }
    text_.remove_prefix(digits);
    return digits > 0;
  }

  bool Month(int* month) {
    for (std::size_t i = 0; i < kMonths.size(); ++i) {
      if (!text_.starts_with(kMonths[i])) continue;
      text_.remove_prefix(3);
      *month = static_cast<int>(i) + 1;
      return true;
    }
    return false;
  }

  bool empty() const { return text_.empty(); }

 private:
  std::string_view text_;
};

struct Parts {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int millisecond = 0;
  int zone_minutes = 0;
};

std::optional<std::int64_t> ToMillis(const Parts& p) {
  using std::chrono::day;
  using std::chrono::month;
  using std::chrono::year;
  const std::chrono::year_month_day date{year(p.year), month(static_cast<unsigned>(p.month)),
                                         day(static_cast<unsigned>(p.day))};
  if (!date.ok() || p.hour > 23 || p.minute > 59 || p.second > 59) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t minutes = (days * 24 + p.hour) * 60 + p.minute - p.zone_minutes;
  return (minutes * 60 + p.second) * 1000 + p.millisecond;
}

bool TakeOffset(TextReader* in, bool may_be_short, int* minutes) {
  const bool west = in->Take('-');
  if (!west && !in->Take('+')) return false;
  int hour = 0;
  int minute = 0;
  if (!in->Digits(2, &hour)) return false;
  const bool colon = may_be_short && in->Take(':');
  if (!in->Digits(2, &minute) && (colon || !may_be_short)) return false;
  if (hour > 23 || minute > 59) return false;
  *minutes = (hour * 60 + minute) * (west ? -1 : 1);
  return in->empty();
}

bool TakeTimeOfDay(TextReader* in, Parts* p) {
  if (!in->Digits(2, &p->hour) || !in->Take(':') || !in->Digits(2, &p->minute)) return false;
  if (!in->Take(':')) return true;
  if (!in->Digits(2, &p->second)) return false;
  if (in->Take('.') || in->Take(',')) return in->Fraction(&p->millisecond);
  return true;
}

std::optional<std::int64_t> ParseIso(std::string_view text, bool lenient) {
  TextReader in(text);
  Parts p;
  if (!in.Digits(4, &p.year) || !in.Take('-') || !in.Digits(2, &p.month) || !in.Take('-') ||
      !in.Digits(2, &p.day)) {
    return std::nullopt;
  }
  if (!in.Take('T') && !(lenient && in.Take(' '))) return std::nullopt;
  if (!TakeTimeOfDay(&in, &p)) return std::nullopt;
  if (in.empty()) {
    if (!lenient) return std::nullopt;
  } else if (in.Take('Z')) {
    if (!in.empty()) return std::nullopt;
  } else if (!TakeOffset(&in, true, &p.zone_minutes)) {
    return std::nullopt;
  }
  return ToMillis(p);
}

}  // namespace

std::optional<std::int64_t> ParseIsoTime(std::string_view text) { return ParseIso(text, false); }

std::optional<std::int64_t> ParseIsoTimeOrUtc(std::string_view text) {
  return ParseIso(text, true);
}

std::optional<std::int64_t> ParseLogTime(std::string_view text) {
  TextReader in(text);
  Parts p;
  if (!in.Digits(2, &p.day) || !in.Take('/') || !in.Month(&p.month) || !in.Take('/') ||
      !in.Digits(4, &p.year) || !in.Take(':') || !in.Digits(2, &p.hour) || !in.Take(':') ||
      !in.Digits(2, &p.minute) || !in.Take(':') || !in.Digits(2, &p.second) || !in.Take(' ') ||
      !TakeOffset(&in, false, &p.zone_minutes)) {
    return std::nullopt;
  }
  return ToMillis(p);
}

}  // namespace v1
}  // namespace insightflow
