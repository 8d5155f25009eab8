// Two threads write one int without a lock. ThreadSanitizer must say so; if it does not, its green runs mean nothing.
#include <thread>

int main() {
  int shared = 0;
  std::thread other([&] { shared = 1; });
  shared = 2;
  other.join();
  return shared == 3;
}
