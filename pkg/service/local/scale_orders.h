// Orders to change the number of pods, from the console's thread to the supervisor's.
#pragma once

#include "pkg/base/mailbox.h"
#include "pkg/base/unique_fd.h"
#include "pkg/service/local/console.h"
#include "pkg/service/local/fleet.h"

namespace flyball::local {

class ScaleOrders {
 public:
  ScaleOrders();

  // Any thread. False when too many wait; the order is dropped then.
  bool Send(ScaleOrder order);

  // The supervisor's thread: answers every order that waits. `open` is false while the fleet is starting or stopping,
  // which refuses them; numbers outside the fleet's bounds are refused too, the others become its desired replicas.
  void Carry(Fleet& fleet, bool open);
  // Readable when orders wait.
  int fd() const { return wake_.get(); }

 private:
  UniqueFd wake_;
  Mailbox<ScaleOrder> waiting_;
};

}  // namespace flyball::local
