import EventModel
import EventStore
import Laterbase
import NIOCore

/// In front of the HTTP decoder: takes requests whose head is one of the last two but for its length, or for the key of a view that it asks
/// for, and answers them without decoding it once more. Whatever else comes goes on to the decoder, byte for byte.
///
/// One connection's, on its event loop. The lane is taken only when no answer is under way and the decoder holds nothing, so answers
/// leave in the order of their requests; what comes meanwhile is held until the answer has left.
final class FastLane: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = IOData
  typealias OutboundOut = IOData

  private let service: Frontend
  private let connection: ConnectionHandler
  private var context: ChannelHandlerContext?
  /// Two, the newer one last: whoever writes and reads by turns has two.
  private var known: [KnownHead] = []
  /// Came, and was neither answered nor passed on.
  private var held = ByteBuffer()
  /// A request by a known head: what it asks for, bytes of its head and of its body, and where in the head the key stands that it asks for.
  private typealias Known = (call: ShortCall, head: Int, body: Int, key: Range<Int>?)
  /// The request whose body is coming.
  private var coming: Known?
  /// An answer is under way from here.
  private var waits = false
  private var isTaking = false
  private var inputClosed = false
  private var wantsRead = false
  /// Bytes passed on since the decoder held nothing, and how many of them are the first request's head, if that came in one piece.
  private var passed = 0
  private var passedHead: Int?
  /// That head's bytes, if it may be one to remember.
  private var candidate: [UInt8]?
  private var passedSinceComplete = false

  init(service: Frontend, connection: ConnectionHandler) {
    self.service = service
    self.connection = connection
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    connection.lane = nil
  }

  // MARK: what the decoder found

  /// The request that was just decoded asks for `call`, and its body had `bodyBytes`.
  func learn(_ call: ShortCall, bodyBytes: Int) {
    guard call.isLasting, let candidate, passed == candidate.count + bodyBytes else { return }
    guard let head = KnownHead(candidate, call: call) else { return }
    known = known.suffix(1) + [head]
  }

  /// The decoder has handed on the whole of a request, whose body had `bodyBytes`.
  func decoded(bodyBytes: Int) {
    // Anything else than one request that came alone, its length given: what the decoder holds is not known any more.
    guard let passedHead, passed == passedHead + bodyBytes else { return }
    passed = 0
    self.passedHead = nil
    candidate = nil
  }

  // MARK: requests

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    if coming != nil { connection.came(bytes.readableBytes) }
    if held.readableBytes == 0 { held = bytes } else { held.writeBuffer(&bytes) }
    take(context)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    // Those behind are not woken for what they never saw.
    guard passedSinceComplete else { return }
    passedSinceComplete = false
    context.fireChannelReadComplete()
  }

  func read(context: ChannelHandlerContext) {
    // Whoever sends on without waiting for answers waits here.
    if waits, held.readableBytes > 0 { wantsRead = true } else { context.read() }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event {
      if waits {
        inputClosed = true
        return
      }
      giveUp(context)
    }
    context.fireUserInboundEventTriggered(event)
  }

  private func take(_ context: ChannelHandlerContext) {
    // An answer that is there at once comes back here.
    if isTaking { return }
    isTaking = true
    defer { isTaking = false }
    while !waits, held.readableBytes > 0 {
      if let coming {
        guard held.readableBytes >= coming.head + coming.body else { return }
        answer(coming, context)
        continue
      }
      guard passed == 0, connection.isFree else { return pass(context) }
      switch match() {
      case .incomplete: return
      case .known(let request):
        connection.begin(bytes: held.readableBytes)
        coming = request
        let missing = request.head + request.body - held.readableBytes
        if missing > 0 { held.reserveCapacity(minimumWritableBytes: missing) }
      case .other: return pass(context)
      }
    }
  }

  private enum Match {
    case known(Known)
    case incomplete
    case other
  }

  /// What the held bytes begin with.
  private func match() -> Match {
    var isIncomplete = false
    for known in known {
      switch known.match(held.readableBytesSpan) {
      case .same(let head, let body, let key) where service.takesShortBody(body): return .known((known.call, head, body, key))
      case .incomplete: isIncomplete = true
      case .same, .other: break
      }
    }
    return isIncomplete ? .incomplete : .other
  }

  private func answer(_ request: Known, _ context: ChannelHandlerContext) {
    let part = request.key ?? request.head..<request.head + request.body
    guard let part = held.getSlice(at: held.readerIndex + part.lowerBound, length: part.count) else { return pass(context) }
    waits = true
    coming = nil
    connection.cameWhole()
    let lane = NIOLoopBound(self, eventLoop: context.eventLoop)
    if service.answer(request.call, part, connection.mailbox, { lane.value.finish($0) }) {
      held.moveReaderIndex(forwardBy: request.head + request.body)
      return
    }
    waits = false
    connection.leave()
    pass(context)
  }

  private func pass(_ context: ChannelHandlerContext) {
    let bytes = held
    held = ByteBuffer()
    if passed == 0 { remember(bytes) }
    passed += bytes.readableBytes
    passedSinceComplete = true
    context.fireChannelRead(wrapInboundOut(bytes))
  }

  /// Finds where the head ends, and keeps it if it may come again.
  private func remember(_ bytes: ByteBuffer) {
    let span = bytes.readableBytesSpan
    passedHead = span.headCount
    candidate = passedHead.flatMap { span.mayBeKnown ? [UInt8](copying: span.extracting(first: $0)) : nil }
  }

  /// The client sends no more: what is held goes to the decoder.
  private func giveUp(_ context: ChannelHandlerContext) {
    if coming != nil {
      coming = nil
      connection.leave()
    }
    if held.readableBytes > 0 { pass(context) }
  }

  // MARK: answers

  /// Writes the answer, and goes on with what came meanwhile.
  private func finish(_ answer: Answer) {
    waits = false
    let closes = connection.leave()
    guard let context else { return }
    let written = closes ? context.eventLoop.makePromise(of: Void.self) : nil
    let wire = answer.wire(date: service.dates.text(at: service.node.world.now()), closes: closes)
    context.writeAndFlush(wrapOutboundOut(.byteBuffer(wire)), promise: written)
    if let written { return connection.end(context, after: written.futureResult) }
    if !isTaking { goOn(context) }
  }

  private func goOn(_ context: ChannelHandlerContext) {
    take(context)
    channelReadComplete(context: context)
    if waits { return }
    if inputClosed {
      inputClosed = false
      giveUp(context)
      context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }
    if wantsRead {
      wantsRead = false
      context.read()
    }
  }
}

extension RawSpan {
  /// The most bytes in which a head's end is looked for.
  private static var headBytesMax: Int { 8 << 10 }

  /// Bytes up to the end of the first blank line.
  fileprivate var headCount: Int? {
    var lines = 0
    for at in 0..<Swift.min(byteCount, Self.headBytesMax) {
      switch self[at] {
      case UInt8(ascii: "\n"):
        lines += 1
        if lines == 2 { return at + 1 }
      case UInt8(ascii: "\r"): break
      default: lines = 0
      }
    }
    return nil
  }

  /// Whether the request is of a method whose head is worth remembering.
  fileprivate var mayBeKnown: Bool {
    guard byteCount > 5 else { return false }
    return extracting(first: 5).equals([UInt8]("POST ".utf8).raw) || extracting(first: 4).equals([UInt8]("GET ".utf8).raw)
  }
}
