#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <sqlite3.h>

#include <cstdio>
#include <mutex>

#include "benchmarks/ingest/sink.h"

namespace insightflow::benchmarks {
namespace {

using Row = rapidjson::Value;

constexpr const char* kSetup =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-262144;"
    "CREATE TABLE events(event_id TEXT UNIQUE, user_id TEXT NOT NULL, session_id TEXT NOT NULL,"
    " event_type TEXT NOT NULL, page_url TEXT NOT NULL, timestamp INTEGER NOT NULL,"
    " page_title TEXT, element TEXT, position_x INTEGER, position_y INTEGER, user_agent TEXT,"
    " extra_data TEXT);";
constexpr const char* kInsert =
    "INSERT OR IGNORE INTO events VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)";
constexpr const char* kTextFields[] = {"event_id", "user_id",    "session_id", "event_type",
                                       "page_url", "page_title", "element",    "user_agent"};
constexpr int kTextColumns[] = {1, 2, 3, 4, 5, 7, 8, 11};
constexpr const char* kNumberFields[] = {"timestamp", "position_x", "position_y"};
constexpr int kNumberColumns[] = {6, 9, 10};

class SqliteSink final : public Sink {
 public:
  SqliteSink(sqlite3* db, sqlite3_stmt* insert) : db_(db), insert_(insert) {}
  ~SqliteSink() override {
    sqlite3_finalize(insert_);
    sqlite3_close(db_);
  }

  void Ingest(std::string_view json, Done done) override {
    rapidjson::Document document;
    document.Parse(json.data(), json.size());
    std::int64_t accepted = -1;
    if (!document.HasParseError()) {
      std::lock_guard<std::mutex> lock(mutex_);
      accepted = Store(document["events"]);
    }
    done(accepted);
  }

  Content Read() override {
    std::lock_guard<std::mutex> lock(mutex_);
    Content content;
    sqlite3_stmt* query = nullptr;
    sqlite3_prepare_v2(db_, "SELECT event_type, count(*) FROM events GROUP BY 1", -1, &query,
                       nullptr);
    while (sqlite3_step(query) == SQLITE_ROW) {
      const auto count = static_cast<std::uint64_t>(sqlite3_column_int64(query, 1));
      content.by_type[reinterpret_cast<const char*>(sqlite3_column_text(query, 0))] = count;
      content.events += count;
    }
    sqlite3_finalize(query);
    return content;
  }

 private:
  std::int64_t Store(const Row& rows) {
    const std::int64_t before = sqlite3_total_changes64(db_);
    bool ok = Run("BEGIN");
    for (const Row& row : rows.GetArray()) ok = ok && Insert(row);
    ok = Run(ok ? "COMMIT" : "ROLLBACK") && ok;
    return ok ? sqlite3_total_changes64(db_) - before : -1;
  }

  bool Run(const char* sql) {
    return sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  }

  bool Insert(const Row& row) {
    for (std::size_t i = 0; i < std::size(kTextFields); ++i) {
      const auto member = row.FindMember(kTextFields[i]);
      if (member == row.MemberEnd()) {
        sqlite3_bind_null(insert_, kTextColumns[i]);
      } else {
        sqlite3_bind_text(insert_, kTextColumns[i], member->value.GetString(),
                          static_cast<int>(member->value.GetStringLength()), SQLITE_STATIC);
      }
    }
    for (std::size_t i = 0; i < std::size(kNumberFields); ++i) {
      const auto member = row.FindMember(kNumberFields[i]);
      if (member == row.MemberEnd()) {
        sqlite3_bind_null(insert_, kNumberColumns[i]);
      } else {
        sqlite3_bind_int64(insert_, kNumberColumns[i], member->value.GetInt64());
      }
    }
    rapidjson::StringBuffer extra;
    rapidjson::Writer<rapidjson::StringBuffer> writer(extra);
    row["extra_data"].Accept(writer);
    sqlite3_bind_text(insert_, 12, extra.GetString(), static_cast<int>(extra.GetSize()),
                      SQLITE_STATIC);
    const bool ok = sqlite3_step(insert_) == SQLITE_DONE;
    return sqlite3_reset(insert_) == SQLITE_OK && ok;
  }

  sqlite3* db_;
  sqlite3_stmt* insert_;
  std::mutex mutex_;
};

}  // namespace

std::unique_ptr<Sink> MakeSqliteSink(const std::string& dir) {
  sqlite3* db = nullptr;
  sqlite3_stmt* insert = nullptr;
  if (sqlite3_open((dir + "/events.db").c_str(), &db) != SQLITE_OK ||
      sqlite3_exec(db, kSetup, nullptr, nullptr, nullptr) != SQLITE_OK ||
      sqlite3_prepare_v2(db, kInsert, -1, &insert, nullptr) != SQLITE_OK) {
    std::fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(db));
    sqlite3_close(db);
    return nullptr;
  }
  return std::make_unique<SqliteSink>(db, insert);
}

}  // namespace insightflow::benchmarks
