#include "pkg/store/store.h"

#include <future>
#include <utility>

namespace flyball::store {

int Table::Find(std::string_view column) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == column) return static_cast<int>(i);
  }
  return -1;
}

Result<Written> Store::Apply(Write write) {
  std::promise<Result<Written>> promise;
  auto answer = promise.get_future();
  Submit(std::move(write), [&promise](Result<Written> written) { promise.set_value(std::move(written)); });
  return answer.get();
}

}  // namespace flyball::store
