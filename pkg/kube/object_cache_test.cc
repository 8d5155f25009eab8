#include "pkg/kube/object_cache.h"

#include <gtest/gtest.h>

namespace flyball::kube {
namespace {

ObjectPtr Thing(const std::string& name, const std::string& version, const std::string& uid = "u1") {
  return std::make_shared<const Object>(Object{"shop", name, uid, version, "{}"});
}

// "added shop/a@5, deleted shop/b@6"
std::string Told(const std::vector<WatchEvent>& events) {
  constexpr const char* kWords[] = {"added ", "modified ", "deleted "};
  std::string text;
  for (const WatchEvent& event : events) {
    if (!text.empty()) text += ", ";
    text += kWords[static_cast<int>(event.change)] + event.object->Key() + "@" + event.object->resource_version;
  }
  return text;
}

TEST(ObjectCache, TellsWhatChanged) {
  ObjectCache cache;
  EXPECT_EQ(Told(cache.Put(Thing("a", "5"))), "added shop/a@5");
  const auto events = cache.Put(Thing("a", "6"));
  EXPECT_EQ(Told(events), "modified shop/a@6");
  EXPECT_EQ(events[0].before->resource_version, "5");
  EXPECT_EQ(Told(cache.Remove(Thing("a", "7"))), "deleted shop/a@7");
  EXPECT_EQ(cache.size(), 0u);
}

TEST(ObjectCache, ADuplicateOrAnOlderStateChangesNothing) {
  ObjectCache cache;
  cache.Put(Thing("a", "9"));
  EXPECT_EQ(Told(cache.Put(Thing("a", "9"))), "");
  EXPECT_EQ(Told(cache.Put(Thing("a", "8"))), "");
  EXPECT_EQ(Told(cache.Remove(Thing("a", "8"))), "") << "a delete from before it was made again";
  EXPECT_EQ(cache.Get("shop/a")->resource_version, "9");
  EXPECT_EQ(cache.stale(), 3u);
}

TEST(ObjectCache, VersionsAreNumbersNotTexts) {
  ObjectCache cache;
  cache.Put(Thing("a", "9"));
  EXPECT_EQ(Told(cache.Put(Thing("a", "10"))), "modified shop/a@10");
}

TEST(ObjectCache, AnOldEventDoesNotBringBackWhatWasDeleted) {
  ObjectCache cache;
  cache.Put(Thing("a", "5"));
  cache.Remove(Thing("a", "7"));
  EXPECT_EQ(Told(cache.Put(Thing("a", "6"))), "");
  EXPECT_EQ(Told(cache.Put(Thing("a", "8", "u2"))), "added shop/a@8");
}

TEST(ObjectCache, ADeleteThatComesBeforeItsCreateHoldsGood) {
  ObjectCache cache;
  EXPECT_EQ(Told(cache.Remove(Thing("a", "7"))), "");
  EXPECT_EQ(Told(cache.Put(Thing("a", "6"))), "");
}

TEST(ObjectCache, AnotherUidIsAnotherObject) {
  ObjectCache cache;
  cache.Put(Thing("a", "5", "u1"));
  EXPECT_EQ(Told(cache.Put(Thing("a", "8", "u2"))), "deleted shop/a@5, added shop/a@8");
}

TEST(ObjectCache, AListTellsTheDifference) {
  ObjectCache cache;
  cache.Put(Thing("gone", "5"));
  cache.Put(Thing("same", "6"));
  cache.Put(Thing("changed", "7"));
  cache.Put(Thing("remade", "8", "u1"));
  const auto events = cache.Replace(
      {{Thing("new", "20"), Thing("same", "6"), Thing("changed", "21"), Thing("remade", "22", "u2")}, "22"});
  EXPECT_EQ(Told(events),
            "deleted shop/gone@5, deleted shop/remade@8, modified shop/changed@21, added shop/new@20, added "
            "shop/remade@22");
  EXPECT_EQ(cache.size(), 4u);
}

TEST(ObjectCache, WhatTheListAlreadyHeldIsOld) {
  ObjectCache cache;
  cache.Replace({{Thing("a", "10")}, "30"});
  EXPECT_EQ(Told(cache.Put(Thing("b", "25"))), "") << "it was deleted before the list was made";
  EXPECT_EQ(Told(cache.Put(Thing("b", "31"))), "added shop/b@31");
}

TEST(ObjectCache, VersionsThatAreNoNumbersAreTakenAsTheyCome) {
  ObjectCache cache;
  cache.Put(Thing("a", "x9"));
  EXPECT_EQ(Told(cache.Put(Thing("a", "x8"))), "modified shop/a@x8");
}

}  // namespace
}  // namespace flyball::kube
