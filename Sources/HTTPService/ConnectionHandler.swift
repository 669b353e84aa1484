import EventStore
import Laterbase
import NIOCore
import NIOHTTP1

/// Keeps what a connection must keep, in front of the requests' own handling:
/// - it is closed when idle between requests, and when a body comes slower than 1 KiB/s over 30 s or an answer isn't taken for as long;
/// - `Expect: 100-continue` is answered, if the body may come;
/// - it is closed after an answer that was given before its request's body was in;
/// - when the server stops, it is closed after the answers under way;
/// - small hot requests take the short cut: they are answered from here, and the handlers behind never see them.
///
/// One connection's, on its event loop. Answers leave in the order of their requests: the short cut is taken only when no answer is under
/// way, and what comes meanwhile is held until it has left.
final class ConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  private let service: Frontend
  /// Requests whose answer isn't written yet.
  private var underWay = 0
  /// Whether the last request's body is still coming.
  private var isReading = false
  private var closesAfterAnswer = false
  /// What comes now is thrown away.
  private var isClosing = false
  private var lastActive = NIODeadline.now()
  /// Of the body that is coming: since when is counted, and how many bytes.
  private var readingSince = NIODeadline.now()
  private var bodyBytes: Int64 = 0
  private var timer: Scheduled<Void>?
  private let shortCut = ShortCut()
  private var encoder: ChannelHandlerContext?
  private var isRemoved = false
  private var isTakingHeld = false
  /// Body bytes of the request that is coming.
  private var requestBytes = 0
  /// What is in front of the decoder; nil once that is gone.
  var lane: FastLane?
  let mailbox: Mailbox

  /// A body's least bytes a second.
  private static let slowBytesMin: Int64 = 1 << 10

  init(service: Frontend, loop: any EventLoop) {
    self.service = service
    mailbox = service.mailboxes.mailbox(of: loop)
  }

  // MARK: life

  func handlerAdded(context: ChannelHandlerContext) {
    encoder = try? context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
    if context.channel.isActive { startTimer(context) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    isRemoved = true
    encoder = nil
    lane = nil
    timer?.cancel()
  }

  func channelActive(context: ChannelHandlerContext) {
    startTimer(context)
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case is ChannelShouldQuiesceEvent:
      if underWay == 0 { context.close(promise: nil) } else { closesAfterAnswer = true }
    case ChannelEvent.inputClosed where shortCut.isTaken: shortCut.inputClosed = true
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  // MARK: requests

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if isClosing { return }
    let part = unwrapInboundIn(data)
    if shortCut.isWaiting { return shortCut.hold(part) }
    take(part, context)
  }

  func read(context: ChannelHandlerContext) {
    // Whoever sends on without waiting for answers waits here.
    if shortCut.holds { shortCut.wantsRead = true } else { context.read() }
  }

  private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
    switch part {
    case .head(let head):
      begin(head, context)
      if underWay == 1, service.mayBeShort(head) { return shortCut.begin(head) }
    case .body(let bytes):
      came(bytes.readableBytes)
      requestBytes += bytes.readableBytes
      if shortCut.isTaken { return shortCut.add(bytes) }
    case .end:
      isReading = false
      lastActive = .now()
      if shortCut.isTaken { return answerShortly(context) }
      lane?.decoded(bodyBytes: requestBytes)
    }
    context.fireChannelRead(wrapInboundOut(part))
  }

  private func answerShortly(_ context: ChannelHandlerContext) {
    let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    let (head, body) = shortCut.wait()
    let call = service.shortCall(head)
    if let call { lane?.learn(call, bodyBytes: requestBytes) }
    lane?.decoded(bodyBytes: requestBytes)
    if let call, service.answer(call, body, mailbox, { handler.value.finish($0, bound.value) }) { return }
    // The long way.
    shortCut.leave()
    context.fireChannelRead(wrapInboundOut(.head(head)))
    if body.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(.body(body))) }
    context.fireChannelRead(wrapInboundOut(.end(nil)))
  }

  /// Writes the short cut's answer, and goes on with what came meanwhile.
  private func finish(_ answer: Answer, _ context: ChannelHandlerContext) {
    shortCut.leave()
    leave()
    guard !isRemoved else { return }
    let wire = answer.wire(date: service.dates.text(at: service.node.world.now()), closes: closesAfterAnswer)
    // Below the encoder, which would only write the same bytes.
    let written = closesAfterAnswer ? context.eventLoop.makePromise(of: Void.self) : nil
    (encoder ?? context).writeAndFlush(NIOAny(IOData.byteBuffer(wire)), promise: written)
    if let written { return end(context, after: written.futureResult) }
    takeHeld(context)
  }

  private func takeHeld(_ context: ChannelHandlerContext) {
    // An answer that is there at once comes back here, while the parts behind it are still being taken.
    if isTakingHeld { return }
    isTakingHeld = true
    let held = shortCut.takeHeld()
    for part in held where !isClosing { if shortCut.isWaiting { shortCut.hold(part) } else { take(part, context) } }
    isTakingHeld = false
    if shortCut.isWaiting || isClosing { return }
    if !held.isEmpty { context.fireChannelReadComplete() }
    if shortCut.inputClosed {
      shortCut.inputClosed = false
      context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }
    if shortCut.wantsRead {
      shortCut.wantsRead = false
      context.read()
    }
  }

  private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    begin(bytes: 0)
    requestBytes = 0
    if !head.isKeepAlive { closesAfterAnswer = true }
    guard let expect = head.headers.first(name: "expect"), expect.isHeader("100-continue"), service.mayContinue(head) else { return }
    context.writeAndFlush(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
  }

  // MARK: the fast lane's requests

  /// Whether a request may be answered in front of all that is here.
  var isFree: Bool { underWay == 0 && !isClosing && !closesAfterAnswer }

  /// A request's head is there, and so many bytes of its body.
  func begin(bytes: Int) {
    lastActive = .now()
    underWay += 1
    isReading = true
    (readingSince, bodyBytes) = (lastActive, Int64(bytes))
  }

  /// So much more of the body is there.
  func came(_ bytes: Int) { bodyBytes += Int64(bytes) }

  /// The whole request is there.
  func cameWhole() { isReading = false }

  /// The request was answered, or goes another way.
  /// - Returns: whether the connection must be closed after the answer.
  @discardableResult func leave() -> Bool {
    isReading = false
    underWay -= 1
    lastActive = .now()
    return closesAfterAnswer
  }

  // MARK: answers

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head(var head):
      // The rest of a body that nobody reads is not waited for: of this request's, not of one that came behind it.
      if isReading, underWay == 1, head.status.code >= 400 { closesAfterAnswer = true }
      if closesAfterAnswer, underWay == 1 { head.headers.replaceOrAdd(name: "connection", value: "close") }
      context.write(wrapOutboundOut(.head(head)), promise: promise)
    case .body:
      lastActive = .now()
      context.write(data, promise: promise)
    case .end:
      underWay -= 1
      lastActive = .now()
      guard closesAfterAnswer, underWay == 0 else { return context.write(data, promise: promise) }
      let written = promise ?? context.eventLoop.makePromise(of: Void.self)
      context.writeAndFlush(data, promise: written)
      end(context, after: written.futureResult)
    }
  }

  /// Closes when the answer has left. A client that is still sending would lose it to a reset, so what it sends is read for a while and
  /// thrown away.
  func end(_ context: ChannelHandlerContext, after written: EventLoopFuture<Void>) {
    isClosing = true
    let wasReading = isReading
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    written.whenComplete { _ in
      guard wasReading else { return bound.value.close(promise: nil) }
      bound.value.close(mode: .output, promise: nil)
      bound.value.eventLoop.scheduleTask(in: .seconds(1)) { bound.value.close(promise: nil) }
    }
  }

  // MARK: time

  private func startTimer(_ context: ChannelHandlerContext) {
    guard timer == nil else { return }
    schedule(context)
  }

  private func schedule(_ context: ChannelHandlerContext) {
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: min(idleTimeout, slowWindow)) { handler.value.check(bound.value) }
  }

  private var idleTimeout: TimeAmount { TimeAmount(service.options.idleTimeout) }
  private var slowWindow: TimeAmount { TimeAmount(service.options.slowWindow) }

  private func check(_ context: ChannelHandlerContext) {
    let now = NIODeadline.now()
    if isReading, now - readingSince >= slowWindow {
      let bytesMin = Self.slowBytesMin * (now - readingSince).nanoseconds / 1_000_000_000
      if bodyBytes < bytesMin { return context.close(promise: nil) }
      (readingSince, bodyBytes) = (now, 0)
    }
    // While an answer is being made the client may be silent, but it must take what is there.
    if now - lastActive >= idleTimeout, underWay == 0 || !(isReading || context.channel.isWritable) { return context.close(promise: nil) }
    schedule(context)
  }
}
