#include "server/app/settings.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>

#include "insightflow/version.h"
#include "insightflow/wire.h"
#include "server/app/client.h"
#include "server/app/json.h"

namespace insightflow::server {
namespace {

constexpr int kUsageError = 2;

// Options that CLI11 fills as text and that become enumerations afterwards.
struct Names {
  std::string durability = "fsync";
  std::string log_format = "text";
  std::string log_level = "info";
  std::string privacy = "ignore";
  std::string import_format = "ndjson";
  std::string export_format = "ndjson";
  std::string export_from;
  std::string export_to;
  std::vector<std::string> export_filters;
  std::vector<std::string> import_map;
  std::string config;
};

Durability ParseDurability(std::string_view name) {
  if (name == "interval") return Durability::kInterval;
  return name == "none" ? Durability::kNone : Durability::kFsync;
}

LogLevel ParseLevel(std::string_view name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "warn") return LogLevel::kWarn;
  return name == "error" ? LogLevel::kError : LogLevel::kInfo;
}

PrivacyPolicy ParsePrivacy(std::string_view name) {
  if (name == "count") return PrivacyPolicy::kCount;
  return name == "drop" ? PrivacyPolicy::kDrop : PrivacyPolicy::kIgnore;
}

ImportFormat ParseFormat(std::string_view name) {
  if (name == "csv") return ImportFormat::kCsv;
  return name == "combined" ? ImportFormat::kCombined : ImportFormat::kNdjson;
}

// The parser would take -1 for the largest number there is, and 010 for 8.
CLI::Validator WholeSize() {
  constexpr std::size_t kDigitsMax = 18;
  const auto check = [](const std::string& text) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const bool plain = digits > 0 && digits <= kDigitsMax && (digits == 1 || text[0] != '0') &&
                       text.find_first_of("0123456789.", digits) == std::string::npos;
    return plain ? std::string() : text + " is not a size such as 64MiB";
  };
  return CLI::Validator(check, "");
}

CLI::Option* AddSize(CLI::App* app, const std::string& name, std::size_t* value,
                     const std::string& help, const std::string& shown) {
  CLI::AsSizeValue size(false);
  size.description("");
  return app->add_option(name, *value, help)
      ->transform(size)
      ->transform(WholeSize())  // goes before the other
      ->default_str(shown)
      ->type_name("SIZE");
}

CLI::Validator AtLeastMiB() {
  const auto check = [](std::string& text) {
    std::size_t bytes = 0;
    const bool enough = CLI::detail::lexical_cast(text, bytes) && bytes >= (std::size_t{1} << 20);
    return std::string(enough ? "" : "must be at least 1MiB");
  };
  return CLI::Validator(check, "at least 1MiB");
}

// What a browser sends as Origin, and nothing that could never be equal to that.
CLI::Validator WebOrigin() {
  const auto check = [](const std::string& text) {
    const std::size_t scheme = text.find("://");
    const bool web = (text.starts_with("http://") || text.starts_with("https://")) &&
                     scheme + 3 < text.size() &&
                     text.find_first_of("/?#@ ", scheme + 3) == std::string::npos;
    return web || text == "*" ? std::string()
                              : text + " is not an origin such as https://shop.example, or *";
  };
  return CLI::Validator(check, "");
}

void AddUrl(CLI::App* app, std::string* url) {
  app->add_option("--url", *url, "Server that holds the store, in place of --data")
      ->type_name("http://HOST:PORT");
}

// Digits, and no more: the parser would take 0x1F and 010, too.
CLI::Validator WholeDays() {
  constexpr int kDaysMax = 36'500;
  const auto check = [](const std::string& text) {
    int days = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, days);
    const bool plain = error == std::errc() && stop == end && text == std::to_string(days);
    return plain && days >= 0 && days <= kDaysMax
               ? std::string()
               : text + " is not a number of days from 0 to " + std::to_string(kDaysMax);
  };
  return CLI::Validator(check, "0 to 36500");
}

// Of every command that answers from a store or brings it to the form of answers: what has expired
// is the same for all.
void AddRetention(CLI::App* app, std::uint32_t* days) {
  app->add_option("--retention-days", *days,
                  "Days of events that are kept, before the current one; what is older is neither "
                  "shown nor stored any longer (0: all are kept)")
      ->check(WholeDays())
      ->type_name("DAYS");
}

void AddCommon(CLI::App* app, std::string* data, Names* names) {
  app->add_option("--data", *data, "Folder of the store")->type_name("DIR");
  app->add_option("--config", names->config, "TOML or INI file of settings")->type_name("FILE");
}

void AddServe(CLI::App* app, ServeSettings* s, Names* names) {
  AddCommon(app, &s->data, names);
  app->add_option("--listen", s->listen, "Address to serve on; port 0 picks a free one")
      ->type_name("HOST:PORT");
  app->add_option("--durability", names->durability, "When a batch is answered")
      ->check(CLI::IsMember({"fsync", "interval", "none"}));
  app->add_flag("--insecure", s->insecure, "Serve beyond this machine without keys");
  app->add_option("--log-format", names->log_format, "Log lines")
      ->check(CLI::IsMember({"text", "json"}));
  app->add_option("--log-level", names->log_level, "Least level that is logged")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  app->add_option("--threads", s->threads, "Event loops; 0: one a core, at most 2")
      ->check(CLI::Range(0, 64));
  AddSize(app, "--dedupe-memory", &s->dedupe_memory, "Memory for remembered event ids", "1GiB")
      ->check(AtLeastMiB());
  AddSize(app, "--in-flight-memory", &s->in_flight_memory, "Batches that may wait for the disk",
          "64MiB")
      ->check(AtLeastMiB());
  AddSize(app, "--disk-free-min", &s->disk_free_min, "Refuse events while less disk is free",
          "64MiB");
  app->add_option("--events-max", s->events_max, "Events in one request")
      ->check(CLI::Range(1, 1'000'000));
  AddSize(app, "--body-max", &s->body_max, "Bytes of one request's body", "4MiB")
      ->check(CLI::Range(std::size_t{1024}, std::size_t{1} << 30).description("1KiB to 1GiB"));
  app->add_option("--queries-max", s->queries_max,
                  "Queries at once, and as many that wait; 0: two a core, at most 16")
      ->check(CLI::Range(0, 256));
  AddSize(app, "--import-max", &s->import_max, "Bytes of the body of one POST /api/import", "64MiB")
      ->check(CLI::Range(std::size_t{1024}, std::size_t{1} << 30).description("1KiB to 1GiB"));
  app->add_option("--cors-origin", s->cors_origins,
                  "Origin whose pages may call; repeatable (none: any may collect, none may ask)")
      ->check(WebOrigin())
      ->type_name("ORIGIN")
      ->delimiter(',');
  app->add_option("--trusted-proxy", s->trusted_proxies,
                  "Network whose X-Forwarded-For is believed; repeatable")
      ->type_name("CIDR")
      ->delimiter(',');
  app->add_option("--privacy", names->privacy,
                  "What Sec-GPC: 1 and DNT: 1 do to a batch; count: keep nothing of who sent it")
      ->check(CLI::IsMember({"ignore", "count", "drop"}));
  AddRetention(app, &s->retention_days);
}

void AddImport(CLI::App* app, ImportSettings* s, Names* names) {
  AddCommon(app, &s->data, names);
  AddUrl(app, &s->url);
  app->add_option("files", s->files, "Files to import; - is stdin, .gz is unpacked")
      ->type_name("FILE");
  app->add_option("--format", names->import_format, "What the lines are")
      ->check(CLI::IsMember({"ndjson", "csv", "combined"}));
  app->add_option("--map", names->import_map, "CSV: the column of a field; repeatable")
      ->type_name("FIELD=COLUMN");
  app->add_option("--source", s->options.source, "Keeps equal lines of several machines apart")
      ->type_name("NAME");
  app->add_option("--threads", s->options.threads, "Decoders")->check(CLI::Range(1, 64));
  AddSize(app, "--dedupe-memory", &s->dedupe_memory, "Memory for remembered event ids", "1GiB")
      ->check(AtLeastMiB());
}

void AddQuery(CLI::App* app, QuerySettings* s, Names* names) {
  AddCommon(app, &s->data, names);
  AddUrl(app, &s->url);
  app->add_option("file", s->file, "The query: JSON, or a file of it; - is stdin")
      ->type_name("FILE");
  AddRetention(app, &s->retention_days);
}

void AddExport(CLI::App* app, ExportSettings* s, Names* names) {
  AddCommon(app, &s->data, names);
  AddUrl(app, &s->url);
  app->add_option("-o,--output", s->output, "File to write; - is stdout")->type_name("FILE");
  app->add_option("--format", names->export_format, "What the lines are")
      ->check(CLI::IsMember({"ndjson", "csv"}));
  app->add_option("--from", names->export_from, "First instant: ISO 8601, a date, or milliseconds")
      ->type_name("TIME");
  app->add_option("--to", names->export_to, "The instant behind the last")->type_name("TIME");
  app->add_option("--filter", names->export_filters, "Which events; repeatable, all must hold")
      ->type_name("FIELD=VALUE|JSON")
      ->allow_extra_args(false);
  AddRetention(app, &s->retention_days);
}

// --log-format reads INSIGHTFLOW_LOG_FORMAT.
void NameEnvironment(CLI::App* app) {
  for (CLI::Option* option : app->get_options()) {
    if (option->get_lnames().empty()) continue;
    std::string name = "INSIGHTFLOW_" + option->get_lnames().front();
    if (name == "INSIGHTFLOW_help") continue;
    for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(c));
    option->envname(name);
  }
}

// Sets what neither a flag nor the environment has set. A key below the command's own section goes
// before one that is meant for all commands; a key that no command knows is a mistake.
void ApplyFile(CLI::App& root, CLI::App& command, const std::string& path) {
  std::vector<CLI::ConfigItem> items;
  std::error_code unused;
  if (std::filesystem::is_directory(path, unused)) {  // it opens, and reads as though empty
    throw CLI::FileError("--config " + path + " is a folder; name a file");
  }
  try {
    items = CLI::ConfigTOML().from_file(path);
  } catch (const CLI::FileError&) {
    throw CLI::FileError("--config " + path + " cannot be read");
  }
  std::stable_partition(items.begin(), items.end(),
                        [](const auto& item) { return !item.parents.empty(); });
  const std::vector<CLI::App*> commands = root.get_subcommands([](CLI::App*) { return true; });
  for (const CLI::ConfigItem& item : items) {
    if (item.name == "++" || item.name == "--") continue;  // a section's edges
    const auto knows = [&](const CLI::App* app) {
      return (item.parents.empty() || app->get_name() == item.parents.front()) &&
             app->get_option_no_throw("--" + item.name) != nullptr;
    };
    if (std::none_of(commands.begin(), commands.end(), knows)) {
      throw CLI::ConfigError(path + ": unknown setting " + item.fullname());
    }
    if (!knows(&command)) continue;
    CLI::Option* option = command.get_option_no_throw("--" + item.name);
    if (option->count() > 0) continue;
    option->add_result(item.inputs);
    option->run_callback();
  }
}

std::vector<std::pair<std::string, std::string>> ParseMap(const std::vector<std::string>& pairs) {
  std::vector<std::pair<std::string, std::string>> map;
  for (const std::string& pair : pairs) {
    const std::size_t equals = pair.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == pair.size()) {
      throw CLI::ValidationError("--map", pair + " is not FIELD=COLUMN");
    }
    map.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return map;
}

std::optional<Timestamp> ReadTime(const std::string& flag, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const Result<Timestamp> time = ParseTime(text);
  if (!time.ok()) throw CLI::ValidationError(flag, time.status().message());
  return *time;
}

void RequireData(const std::string& data) {
  if (data.empty()) {
    throw CLI::ValidationError("--data",
                               "name the store's folder with --data DIR or in INSIGHTFLOW_DATA");
  }
}

// Whether the command line itself sets it, and not a variable or a file.
bool HasFlag(int argc, const char* const* argv, std::string_view name) {
  return std::any_of(argv + 1, argv + argc, [&](const char* argument) {
    const std::string_view text = argument;
    return text.substr(0, text.find('=')) == name;
  });
}

// As JSON, appended to a list of filters.
void AppendFilterJson(const std::string& flag, std::string* list) {
  std::string json = flag;
  if (flag.starts_with('[')) {
    json = flag.substr(1, flag.rfind(']') - 1);
  } else if (!flag.starts_with('{')) {
    const Filter filter = ParseFilterFlag(flag)->front();
    JsonText text;
    text.BeginObject().Key("field").Text(filter.field).Key("op").Text("in");
    text.Key("value").BeginArray();
    for (const FilterValue& value : filter.values) {
      if (const auto* s = std::get_if<std::string>(&value)) text.Text(*s);
      if (const auto* i = std::get_if<std::int64_t>(&value)) text.Integer(*i);
      if (const auto* d = std::get_if<double>(&value)) text.Real(*d);
      if (const auto* b = std::get_if<bool>(&value)) text.Bool(*b);
    }
    json = text.EndArray().EndObject().Take();
  }
  if (json.find_first_not_of(" \t\r\n") == std::string::npos) return;
  *list += (list->empty() ? "" : ",") + json;
}

// The commands, bound to where their settings go.
class Parser {
 public:
  Parser() {
    root_.name("insightflow");
    root_.require_subcommand(1);
    root_.set_version_flag("--version", std::string("insightflow ") + Version());
    root_.option_defaults()->always_capture_default();
    serve_app_ = root_.add_subcommand("serve", "Collect events and answer over HTTP");
    import_app_ = root_.add_subcommand("import", "Put files into a store; safe to repeat");
    query_app_ = root_.add_subcommand("query", "Answer a question about a store's events");
    export_app_ = root_.add_subcommand("export", "Write a store's events as lines");
    check_app_ = root_.add_subcommand("check", "Verify every checksum of a store");
    fold_app_ = root_.add_subcommand("fold", "Bring all events into the columns of analyses");
    AddServe(serve_app_, &serve_, &names_);
    AddImport(import_app_, &import_, &names_);
    AddQuery(query_app_, &query_, &names_);
    AddExport(export_app_, &export_, &names_);
    AddCommon(check_app_, &check_.data, &names_);
    AddCommon(fold_app_, &fold_.data, &names_);
    AddRetention(fold_app_, &fold_.retention_days);
    for (CLI::App* app :
         {serve_app_, import_app_, query_app_, export_app_, check_app_, fold_app_}) {
      NameEnvironment(app);
    }
    root_.footer(
        "Every setting is also an environment variable (--log-format: INSIGHTFLOW_LOG_FORMAT) and\n"
        "a key of the --config file. `insightflow serve --help` lists a command's settings.");
  }

  CLI::App& root() { return root_; }

  Command Parse(int argc, const char* const* argv) {
    // CLI11 would say that a command is missing.
    const std::string first = argc > 1 ? argv[1] : "-";
    const auto named = [&](const CLI::App* app) { return app->get_name() == first; };
    if (first[0] != '-' && root_.get_subcommands(named).empty()) {
      throw CLI::ValidationError(first, "there is no such command");
    }
    root_.parse(argc, argv);
    flag_data_ = HasFlag(argc, argv, "--data");
    flag_url_ = HasFlag(argc, argv, "--url");
    CLI::App* active = root_.get_subcommands().front();
    if (!names_.config.empty()) ApplyFile(root_, *active, names_.config);
    if (active == serve_app_) return FinishServe();
    if (active == import_app_) return FinishImport();
    if (active == query_app_) return FinishQuery();
    if (active == fold_app_) {
      RequireData(fold_.data);
      return fold_;
    }
    if (active == export_app_) return FinishExport();
    RequireData(check_.data);
    return check_;
  }

 private:
  ServeSettings FinishServe() {
    RequireData(serve_.data);
    serve_.durability = ParseDurability(names_.durability);
    serve_.log_format = names_.log_format == "json" ? LogFormat::kJson : LogFormat::kText;
    serve_.log_level = ParseLevel(names_.log_level);
    serve_.privacy = ParsePrivacy(names_.privacy);
    return serve_;
  }

  // A flag wins over the other's variable or key.
  void FinishPlace(std::string* data, std::string* url) const {
    if (flag_data_ && flag_url_) throw CLI::ValidationError("--url", "stands in place of --data");
    if (flag_data_) url->clear();
    if (url->empty()) return RequireData(*data);
    data->clear();
    const Result<ServerUrl> parsed = ParseServerUrl(*url);
    if (!parsed.ok()) throw CLI::ValidationError("--url", parsed.status().message());
  }

  ImportSettings FinishImport() {
    if (import_.files.empty()) throw CLI::ValidationError("import", "name a file, or - for stdin");
    FinishPlace(&import_.data, &import_.url);
    import_.options.format = ParseFormat(names_.import_format);
    import_.options.csv_map = ParseMap(names_.import_map);
    if (!import_.options.csv_map.empty() && import_.options.format != ImportFormat::kCsv) {
      throw CLI::ValidationError("--map", "goes with --format csv");
    }
    if (!import_.options.csv_map.empty() && !import_.url.empty()) {
      throw CLI::ValidationError("--map", "goes with --data: a server takes wire names only");
    }
    return import_;
  }

  QuerySettings FinishQuery() {
    if (query_.file.empty()) {
      throw CLI::ValidationError("query", "name the file of a query, or - for stdin");
    }
    FinishPlace(&query_.data, &query_.url);
    return query_;
  }

  ExportSettings FinishExport() {
    FinishPlace(&export_.data, &export_.url);
    ExportOptions& options = export_.options;
    if (names_.export_format == "csv") options.format = ExportFormat::kCsv;
    options.from = ReadTime("--from", names_.export_from);
    options.to = ReadTime("--to", names_.export_to);
    for (const std::string& text : names_.export_filters) {
      const Result<std::vector<Filter>> filters = ParseFilterFlag(text);
      if (!filters.ok()) throw CLI::ValidationError("--filter", filters.status().message());
      options.filters.insert(options.filters.end(), filters->begin(), filters->end());
      AppendFilterJson(text, &export_.filters);
    }
    export_.filters = "[" + export_.filters + "]";
    return export_;
  }

  CLI::App root_{"InsightFlow: user-behaviour analytics in one process"};
  CLI::App* serve_app_ = nullptr;
  CLI::App* import_app_ = nullptr;
  CLI::App* query_app_ = nullptr;
  CLI::App* export_app_ = nullptr;
  CLI::App* check_app_ = nullptr;
  CLI::App* fold_app_ = nullptr;
  ServeSettings serve_;
  ImportSettings import_;
  QuerySettings query_;
  ExportSettings export_;
  CheckSettings check_;
  FoldSettings fold_;
  Names names_;
  bool flag_data_ = false;
  bool flag_url_ = false;
};

std::string OneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

Result<std::vector<Filter>> ParseFilterFlag(const std::string& text) {
  if (text.starts_with('{') || text.starts_with('[')) return ParseFilters(text);
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos) {
    return InvalidArgument(text + " is neither FIELD=VALUE nor JSON");
  }
  const std::string value = text.substr(equals + 1);
  Filter filter{text.substr(0, equals), FilterOp::kIn, {value}};
  const char* const end = value.data() + value.size();
  std::int64_t integer = 0;
  double real = 0;
  if (const auto [stop, error] = std::from_chars(value.data(), end, integer);
      error == std::errc() && stop == end) {
    filter.values.emplace_back(integer);
  } else if (const auto [at, fault] = std::from_chars(value.data(), end, real);
             fault == std::errc() && at == end) {
    filter.values.emplace_back(real);
  } else if (value == "true" || value == "false") {
    filter.values.emplace_back(value == "true");
  }
  return std::vector<Filter>{std::move(filter)};
}

Command ParseCommandLine(int argc, const char* const* argv) {
  Parser parser;
  try {
    return parser.Parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream unused;
    if (parser.root().exit(error, out, unused) == 0) return ExitNow{0, out.str(), ""};
    return ExitNow{kUsageError, "", OneLine(error.what()) + " (insightflow --help lists all)"};
  }
}

}  // namespace insightflow::server
