// Funnel definitions for tests, and a store's bytes of them behind the engine's back.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "insightflow/query.h"
#include "lib/store/store.h"

namespace insightflow::testing {

inline FunnelDefinition SimpleFunnel(const std::string& id, const std::string& last = "purchase") {
  FunnelDefinition funnel;
  funnel.id = id;
  funnel.name = "Funnel " + id;
  funnel.query.steps = {{.event = {.types = {"view"}}}, {.event = {.types = {last}}}};
  funnel.query.window = std::chrono::hours(1);
  return funnel;
}

// Every member differs from its default.
inline FunnelDefinition FullFunnel() {
  FunnelDefinition funnel;
  funnel.id = "full";
  funnel.name = "Alles, 全部";
  funnel.active = false;
  FunnelQuery& query = funnel.query;
  query.scope.timezone = "+03:30";
  query.scope.filters = {{.field = "extra_data.a.b",
                          .op = FilterOp::kIn,
                          .values = {std::string("x\0", 2), std::int64_t{-5}, 2.5, true}},
                         {.field = "element", .op = FilterOp::kExists}};
  query.scope.limit = 10'000;
  query.steps = {{.event = {.types = {"view", "click"}, .name = "begin"}},
                 {.event = {.filters = {{.field = "page_url",
                                         .op = FilterOp::kGlob,
                                         .values = {std::string("/cart/*")}}}},
                  .optional = true},
                 {.event = {.types = {"purchase"}}}};
  query.window = std::chrono::milliseconds(604'800'001);
  query.order = FunnelOrder::kStrictlyIncreasing;
  query.per = FunnelUnit::kSession;
  query.session_rules = {std::chrono::minutes(5), std::nullopt, true, true, true};
  query.exclusions = {{.event = {.types = {"logout"}}, .after_step = 2, .before_step = 3}};
  query.hold_constant = {"extra_data.cart_id", "page_url"};
  query.breakdown = {"extra_data.os", Attribution::kStep, 3, 7};
  query.users_at = {2, FunnelOutcome::kPending, 300};
  return funnel;
}

// Changes what a closed store keeps of a funnel.
inline void ChangeStoredFunnel(
    const std::string& dir, const std::string& id,
    const std::function<void(const std::string& key, std::string*)>& change) {
  StoreOptions options;
  options.dir = dir;
  auto store = Store::Open(options);
  ASSERT_TRUE(store.ok()) << store.status().ToString();
  const std::string key = std::string("funnel\0", 7) + id;
  auto* const family = (*store)->family(Family::kConfig);
  std::string value;
  ASSERT_TRUE((*store)->db().Get(rocksdb::ReadOptions(), family, key, &value).ok()) << id;
  change(key, &value);
  rocksdb::WriteBatch batch;
  ASSERT_TRUE(batch.Put(family, key, value).ok());
  ASSERT_TRUE((*store)->Write(&batch, true).ok());
  ASSERT_TRUE((*store)->Close().ok());
}

}  // namespace insightflow::testing
