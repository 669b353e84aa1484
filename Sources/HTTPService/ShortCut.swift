import NIOCore
import NIOHTTP1

/// One connection's request on the short cut, and what comes while it is answered.
final class ShortCut {
  private enum State {
    case empty
    case reading(HTTPRequestHead, ByteBuffer)
    case waiting
  }

  private var state = State.empty
  private var held: [HTTPServerRequestPart] = []
  /// The client sends no more; those behind are told after the answer.
  var inputClosed = false
  /// Somebody asked for more to be read while enough was held.
  var wantsRead = false

  /// Whether a request is on the short cut.
  var isTaken: Bool { if case .empty = state { false } else { true } }

  /// Whether its answer is under way.
  var isWaiting: Bool { if case .waiting = state { true } else { false } }

  var holds: Bool { !held.isEmpty }

  func begin(_ head: HTTPRequestHead) { state = .reading(head, ByteBuffer()) }

  func add(_ bytes: ByteBuffer) {
    guard case .reading(let head, var body) = state else { return }
    state = .empty
    if body.readableBytes == 0 { body = bytes } else { body.writeImmutableBuffer(bytes) }
    state = .reading(head, body)
  }

  /// The request is whole.
  func wait() -> (HTTPRequestHead, ByteBuffer) {
    guard case .reading(let head, let body) = state else { preconditionFailure("no request is on the short cut") }
    state = .waiting
    return (head, body)
  }

  /// The request was answered, or goes the long way.
  func leave() { state = .empty }

  func hold(_ part: HTTPServerRequestPart) { held.append(part) }

  func takeHeld() -> [HTTPServerRequestPart] {
    defer { held = [] }
    return held
  }
}
