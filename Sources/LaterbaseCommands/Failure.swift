/// Why a command ends without having done what it was asked: the exit code, and what to say on stderr.
struct Failure: Error, Equatable {
  /// 1: it could not be done. 64 (EX_USAGE of sysexits.h): it was asked wrongly.
  let code: Int32
  /// For a person, without the word "error"; empty: everything has been said.
  let message: String

  static func failed(_ message: String) -> Failure { Failure(code: 1, message: message) }
  static func usage(_ message: String) -> Failure { Failure(code: 64, message: message) }
}
