#include "lib/live/user_table.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

#include "lib/base/hash.h"
#include "lib/base/limits.h"
#include "lib/live/live_time.h"

namespace insightflow {
inline namespace v1 {
namespace {

static_assert(sizeof(UserRecord) + sizeof(UserActs) <= 80, "in memory a million times");
static_assert(kUserIdBytesMax <= UINT8_MAX, "id_size");

std::uint64_t ZigZag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

std::int64_t UnZigZag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

void SaveRecord(const UserRecord& user, const UserActs& acts, std::uint64_t applied,
                std::string* out) {
  PutBytes(out, user.Id());
  const std::uint64_t numbers[] = {ZigZag(user.first_ms),
                                   static_cast<std::uint64_t>(user.last_ms) - user.first_ms,
                                   static_cast<std::uint64_t>(user.last_live_second),
                                   applied - user.last_sequence,
                                   user.events,
                                   user.views,
                                   acts.clicks,
                                   acts.purchases};
  std::array<char, std::size(numbers) * kVarintBytesMax + 2> part;
  char* end = part.data();
  for (const std::uint64_t number : numbers) end = StoreVarint(number, end);
  *end++ = static_cast<char>(user.agent.device);
  *end++ = static_cast<char>(user.agent.browser);
  out->append(part.data(), end);
}

bool LoadNumbers(std::uint64_t applied, ByteReader* in, UserRecord* user, UserActs* acts) {
  std::uint64_t first, span, second, back;
  if (!in->GetVarint(&first) || !in->GetVarint(&span) || !in->GetVarint(&second) ||
      !in->GetVarint(&back) || !in->GetVarint(&user->events) || !in->GetVarint(&user->views) ||
      !in->GetVarint(&acts->clicks) || !in->GetVarint(&acts->purchases)) {
    return false;
  }
  user->first_ms = UnZigZag(first);
  user->last_ms = static_cast<std::int64_t>(static_cast<std::uint64_t>(user->first_ms) + span);
  user->last_live_second = static_cast<std::int64_t>(second);
  user->last_sequence = applied - back;
  std::uint64_t left = user->events;
  for (const std::uint64_t part : {user->views, acts->clicks, acts->purchases}) {
    if (part > left) return false;
    left -= part;
  }
  return user->last_ms >= user->first_ms && second <= LiveTime::kSecondMax && back < applied &&
         user->events > 0;
}

// Where the table keeps the text of an id that does not fit its record.
char* TextOf(const UserRecord& user) {
  char* kept;
  std::memcpy(static_cast<void*>(&kept), user.text, sizeof kept);
  return kept;
}

bool LoadAgent(ByteReader* in, Agent* agent) {
  std::uint8_t device, browser;
  if (!in->GetFixed(&device) || !in->GetFixed(&browser)) return false;
  if (device > static_cast<std::uint8_t>(Device::kBot)) return false;
  if (browser > static_cast<std::uint8_t>(Browser::kOther)) return false;
  *agent = {static_cast<Device>(device), static_cast<Browser>(browser)};
  return true;
}

}  // namespace

UserTable::UserTable(std::size_t max) : max_(std::min<std::size_t>(max, kNone - 1)) {}

std::uint32_t UserTable::Insert(std::uint64_t hash, std::string_view id) {
  if (size_ >= max_ || id.empty() || id.size() > kUserIdBytesMax) return kNone;
  if (size_ == chunks_.size() * kChunk) chunks_.push_back(std::make_unique<Chunk>());
  const auto number = static_cast<std::uint32_t>(size_++);
  UserRecord& user = at(number);
  if (id.size() <= UserRecord::kInline) {
    id.copy(user.text, id.size());
  } else {
    const char* const kept = KeepText(id);
    std::memcpy(user.text, static_cast<const void*>(&kept), sizeof kept);
  }
  user.id_size = static_cast<std::uint8_t>(id.size());
  index_.Insert(hash, number);
  return number;
}

void UserTable::Remove(std::uint32_t number, std::uint64_t hash_seed) {
  const auto last = static_cast<std::uint32_t>(size_ - 1);
  UserRecord& user = at(number);
  index_.Erase(HashBytes(user.Id(), hash_seed), number);
  // A long id's bytes are wiped; its place is used again after the next load.
  if (user.id_size > UserRecord::kInline) std::memset(TextOf(user), 0, user.id_size);
  if (last != number) {
    const std::uint64_t hash = HashBytes(at(last).Id(), hash_seed);
    index_.Erase(hash, last);
    index_.Insert(hash, number);
    user = at(last);
    acts(number) = acts(last);
  }
  at(last) = {};
  acts(last) = {};
  --size_;
}

const char* UserTable::KeepText(std::string_view text) {
  if (text_used_ + text.size() > kTextChunk) {
    text_.push_back(std::make_unique<char[]>(kTextChunk));
    text_used_ = 0;
  }
  char* place = text_.back().get() + text_used_;
  std::copy(text.begin(), text.end(), place);
  text_used_ += text.size();
  return place;
}

void UserTable::Save(std::uint64_t applied, PieceWriter* to) const {
  PutVarint(to->out(), size_);
  for (std::uint32_t i = 0; i < size_; ++i) {
    SaveRecord(at(i), acts(i), applied, to->out());
    to->Pass();
  }
}

bool UserTable::Load(std::uint64_t applied, std::uint64_t hash_seed, ByteReader* in) {
  std::uint64_t size;
  if (!in->GetVarint(&size) || size > max_) return false;
  for (std::uint64_t i = 0; i < size; ++i) {
    std::string_view id;
    if (!in->GetBytes(&id)) return false;
    const std::uint64_t hash = HashBytes(id, hash_seed);
    if (Find(hash, id) != kNone) return false;
    const std::uint32_t number = Insert(hash, id);
    if (number == kNone) return false;
    UserRecord& user = at(number);
    if (!LoadNumbers(applied, in, &user, &acts(number)) || !LoadAgent(in, &user.agent))
      return false;
  }
  return true;
}

std::size_t UserTable::bytes() const {
  return chunks_.size() * sizeof(Chunk) + text_.size() * kTextChunk + index_.bytes();
}

}  // namespace v1
}  // namespace insightflow
