#include <fcntl.h>
#include <rapidjson/document.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "benchmarks/ingest/sink.h"

namespace insightflow::benchmarks {
namespace {

using Row = rapidjson::Value;

std::string TextOf(const Row& row, const char* name) {
  const auto member = row.FindMember(name);
  if (member == row.MemberEnd() || !member->value.IsString()) return {};
  return {member->value.GetString(), member->value.GetStringLength()};
}

bool Valid(const Row& row) {
  if (!row.IsObject()) return false;
  const auto time = row.FindMember("timestamp");
  if (time == row.MemberEnd() || !time->value.IsInt64() || time->value.GetInt64() <= 0) {
    return false;
  }
  for (const char* name : {"user_id", "session_id", "event_type", "page_url"}) {
    const std::string text = TextOf(row, name);
    if (text.empty() || text.size() > 2048) return false;
  }
  return true;
}

class NaiveSink final : public Sink {
 public:
  explicit NaiveSink(int fd) : fd_(fd) {}
  ~NaiveSink() override { close(fd_); }

  void Ingest(std::string_view json, Done done) override {
    rapidjson::Document document;
    document.Parse(json.data(), json.size());
    std::int64_t accepted = -1;
    if (!document.HasParseError()) {
      std::lock_guard<std::mutex> lock(mutex_);
      const bool stored =
          write(fd_, json.data(), json.size()) == static_cast<ssize_t>(json.size()) &&
          fdatasync(fd_) == 0;
      if (stored) accepted = Count(document["events"]);
    }
    done(accepted);
  }

  Content Read() override {
    std::lock_guard<std::mutex> lock(mutex_);
    return {ids_.size(), by_type_};
  }

 private:
  struct User {
    std::int64_t first_ms = 0;
    std::int64_t last_ms = 0;
    std::uint64_t events = 0;
  };

  std::int64_t Count(const Row& rows) {
    std::int64_t accepted = 0;
    for (const Row& row : rows.GetArray()) {
      if (!Valid(row) || !ids_.insert(TextOf(row, "event_id")).second) continue;
      ++accepted;
      const std::string type = TextOf(row, "event_type");
      ++by_type_[type];
      if (type == "view") ++pages_[TextOf(row, "page_url")];
      User& user = users_[TextOf(row, "user_id")];
      const std::int64_t time = row["timestamp"].GetInt64();
      if (user.events++ == 0) user.first_ms = time;
      user.last_ms = time;
    }
    return accepted;
  }

  const int fd_;
  std::mutex mutex_;
  std::unordered_set<std::string> ids_;
  std::map<std::string, std::uint64_t> by_type_;
  std::map<std::string, std::uint64_t> pages_;
  std::unordered_map<std::string, User> users_;
};

}  // namespace

std::unique_ptr<Sink> MakeNaiveSink(const std::string& dir) {
  const int fd = open((dir + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  return fd < 0 ? nullptr : std::make_unique<NaiveSink>(fd);
}

}  // namespace insightflow::benchmarks
