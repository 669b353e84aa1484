#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A thread of the system, because LMDB's write transaction must stay on one, and a cold page blocks whatever thread reads it.
package enum Thread {
  private final class Start: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Runs `body` on a new thread that nobody joins.
  package static func detach(_ body: @escaping @Sendable () -> Void) {
    // Safe: the retain is balanced on the new thread, or here if there is none.
    let start = unsafe Unmanaged.passRetained(Start(body)).toOpaque()
    #if canImport(Darwin)
      var thread: pthread_t?
      let failed = unsafe pthread_create(
        &thread, nil,
        { raw in
          unsafe Unmanaged<Start>.fromOpaque(raw).takeRetainedValue().body()
          return nil
        }, start)
      if failed == 0, let thread = unsafe thread { unsafe pthread_detach(thread) }
    #else
      var thread = pthread_t()
      let failed = unsafe pthread_create(
        &thread, nil,
        { raw in
          if let raw = unsafe raw { unsafe Unmanaged<Start>.fromOpaque(raw).takeRetainedValue().body() }
          return nil
        }, start)
      if failed == 0 { pthread_detach(thread) }
    #endif
    // Without a thread (the system has no more) the work is done here: slower, never lost.
    if failed != 0 { unsafe Unmanaged<Start>.fromOpaque(start).takeRetainedValue().body() }
  }
}

/// A flag that one thread sleeps on and others raise. The allocation holds one mutex and one condition for the object's life.
@safe package final class Wake: @unchecked Sendable {
  // Sendable: all access to `raised` is under the mutex, and the pointers never change.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var raised = false

  package init() {
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  package func signal() {
    unsafe pthread_mutex_lock(mutex)
    let first = !raised
    raised = true
    unsafe pthread_mutex_unlock(mutex)
    if first { unsafe pthread_cond_signal(condition) }
  }

  /// Sleeps until the flag is raised, and lowers it; false if the time passed first.
  package func wait(seconds: Int) -> Bool {
    var until = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &until)
    until.tv_sec += seconds
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while !raised {
      if unsafe pthread_cond_timedwait(condition, mutex, &until) != 0 { break }
    }
    defer { raised = false }
    return raised
  }

  /// A short sleep of the caller.
  func pause(_ time: Duration = .microseconds(200)) { usleep(UInt32(time / .microseconds(1))) }
}
