#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

// `unsafe` in this file: POSIX threads' objects, which must stay at one address; allocated here and freed with the monitor.

/// A lock on which a thread can wait for a change.
@safe final class Monitor: @unchecked Sendable {
  // Sendable: both are made to be shared by threads.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let changed: UnsafeMutablePointer<pthread_cond_t>

  init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe changed = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe changed.initialize(to: pthread_cond_t())
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(changed, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(changed)
    unsafe pthread_mutex_destroy(mutex)
    unsafe changed.deallocate()
    unsafe mutex.deallocate()
  }

  func lock() { unsafe pthread_mutex_lock(mutex) }
  func unlock() { unsafe pthread_mutex_unlock(mutex) }
  @inline(__always) func locked<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    lock()
    defer { unlock() }
    return try body()
  }

  /// Lets go of the lock until `announce` is called, then has it again.
  func wait() { unsafe pthread_cond_wait(changed, mutex) }
  func announce() { unsafe pthread_cond_broadcast(changed) }
}

/// The transactions that this thread is in, innermost first, whatever their stores.
///
/// Why a thread must know: one that is in a transaction must not wait behind somebody who waits for that transaction to end.
enum Held {
  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    // Fails only past some thousand keys a process; then there is no safe way on.
    guard unsafe pthread_key_create(&key, nil) == 0 else { fatalError("no thread-specific key left") }
    return key
  }()

  private static var innermost: Unmanaged<TransactionState>? {
    guard let pointer = unsafe pthread_getspecific(key) else { return nil }
    return unsafe Unmanaged.fromOpaque(pointer)
  }

  static var isEmpty: Bool { unsafe pthread_getspecific(key) == nil }

  /// The gate's transaction that this thread is in, if there is one.
  static func transaction(of gate: ObjectIdentifier) -> TransactionState? {
    var next = unsafe innermost
    while let held = unsafe next {
      let state = unsafe held.takeUnretainedValue()
      if state.gate == gate { return state }
      unsafe next = state.outer
    }
    return nil
  }

  @inline(__always) static func push(_ state: TransactionState) {
    unsafe state.outer = innermost
    unsafe pthread_setspecific(key, Unmanaged.passUnretained(state).toOpaque())
  }

  /// Removes the innermost, which is `state`: transactions are scopes of synchronous code.
  @inline(__always) static func pop(_ state: TransactionState) {
    unsafe pthread_setspecific(key, state.outer?.toOpaque())
  }
}
