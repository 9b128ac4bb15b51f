---@meta dgram
-- The types of dgram for lua-language-server (LuaCATS); it is not run. Tell the
-- server of this directory: "Lua.workspace.library": [".../dgram/docs"]. What
-- things do stands in api.md; a spec compares the names here with the code. The
-- modules beside it are in files of their own, as the server wants it.

---@alias dgram.Type
---| "udp4"
---| "udp6"
---| "unix_dgram"

---@alias dgram.Event
---| "message"
---| "listening"
---| "connect"
---| "close"
---| "error"
---| "drain"
---| "icmp"
---| "newListener"
---| "removeListener"

---The name of an event of your own: text by a cast, `"door" --[[@as dgram.EventName]]`,
---since any other text is a typo of a dgram.Event. Tables, numbers and booleans need none.
---@class dgram.EventName

---@alias dgram.CustomEvent dgram.EventName|table|number|boolean

---The module's own codes; the system's are those of errno(3) and getaddrinfo(3).
---@alias dgram.ErrorCode
---| "ERR_SOCKET_BAD_TYPE"
---| "ERR_SOCKET_ALREADY_BOUND"
---| "ERR_SOCKET_DGRAM_NOT_RUNNING"
---| "ERR_SOCKET_DGRAM_IS_CONNECTED"
---| "ERR_SOCKET_DGRAM_NOT_CONNECTED"
---| "ERR_SOCKET_BAD_PORT"
---| "ERR_BUFFER_OUT_OF_BOUNDS"
---| "ERR_INVALID_ARG_TYPE"
---| "ERR_INVALID_ARG_VALUE"
---| "ERR_OUT_OF_RANGE"
---| "ERR_MISSING_ARGS"
---| "ERR_INVALID_ADDRESS"
---| "ERR_INVALID_FD_TYPE"
---| "ERR_INVALID_THIS"
---| "ERR_SOCKET_BAD_BUFFER_SIZE"
---| "ERR_SOCKET_BUFFER_SIZE"
---| "ERR_IP_BLOCKED"
---| "ERR_INVALID_IP_ADDRESS"
---| "ERR_SOCKET_FORKED"
---| "ERR_SOCKET_NOT_BOUND"
---| "ERR_NOT_IN_COROUTINE"
---| "ERR_UNHANDLED_ERROR"
---| "ABORT_ERR"

---@class dgram.Error
---@field name "Error"|"TypeError"|"RangeError"|"SystemError"|"AbortError"
---@field message string
---@field code dgram.ErrorCode|string
---@field errno? integer negative
---@field syscall? string
---@field address? string
---@field port? integer
---@field hostname? string the name that was looked up
---@field info? { errno: integer, code: string, message: string, syscall: string } ERR_SOCKET_BUFFER_SIZE
---@field context? any ERR_UNHANDLED_ERROR: the value
---@field cause? any ABORT_ERR: the signal's reason
---@field place? string thrown errors: file and line of the script's call
---@field stack? string thrown errors: the text, and the calls that led there

---What the kernel tells of a datagram that failed on its way; address and port are
---where it was sent to.
---@class dgram.IcmpError: dgram.Error
---@field origin? "icmp"|"icmp6"|"local" who says so; nil when the kernel had no room for more
---@field offender? string the router or host that says so
---@field type? integer of the ICMP message
---@field icmpCode? integer
---@field mtu? integer EMSGSIZE: bytes of a packet on that path, with its headers
---@field data? string what came back of the payload

---The sender of a datagram.
---The fields from localAddress on are there if recvInfo asks for them.
---@class dgram.RemoteInfo
---@field address string "" for a unix sender without a name
---@field family "IPv4"|"IPv6"|"unix"
---@field port? integer nil for unix_dgram
---@field size integer bytes
---@field localAddress? string the address it was sent to
---@field interface? string|integer that it came in by; an index if it is gone
---@field ttl? integer hops left
---@field typeOfService? integer 0 to 255; the two low bits are ECN
---@field timestamp? number seconds since the epoch, when the kernel got it
---@field credentials? dgram.Credentials who sent it over a unix socket
---@field descriptors? dgram.Descriptor[] that were passed with it over a unix socket

---@alias dgram.InfoField
---| "localAddress"
---| "interface"
---| "ttl"
---| "typeOfService"
---| "timestamp"
---| "credentials"
---| "descriptors"

---A descriptor that came with a datagram; it closes itself when it is collected.
---@class dgram.Descriptor
local Descriptor = {}

---Returns the number, nil when it was taken or closed.
---@return integer?
function Descriptor:fileno() end

---Returns the number, which is the caller's from then on; throws EBADF.
---@return integer
function Descriptor:take() end

---Closes it, unless it was taken.
function Descriptor:close() end

---Closes it at the end of its scope.
function Descriptor:__close() end

---@class dgram.Credentials
---@field pid integer of the process; 0 if it cannot be seen from here
---@field uid integer of the user
---@field gid integer of the group

---Where a socket is bound, or its peer.
---@class dgram.Address
---@field address string
---@field family? "IPv4"|"IPv6" nil for unix_dgram
---@field port? integer nil for unix_dgram

---@class dgram.Stats
---@field received integer datagrams
---@field receivedBytes integer
---@field sent integer datagrams
---@field sentBytes integer
---@field sendErrors integer datagrams that were not sent
---@field remoteErrors integer errors that routers and remote hosts told of
---@field dropped integer datagrams that the kernel dropped
---@field blocked integer datagrams of senders on the receiveBlockList
---@field truncated integer datagrams that were delivered short, or without all that is told
---@field queued integer datagrams
---@field queuedBytes integer
---@field gso integer datagrams a train to the kernel may hold, or 0
---@field gro integer datagrams a train from the kernel may hold, or 0

---@alias dgram.Listener fun(...: any)
---@alias dgram.MessageListener fun(msg: string, rinfo: dgram.RemoteInfo)
---@alias dgram.SendCallback fun(err: dgram.Error?, bytes: integer)
---@alias dgram.SendManyCallback fun(err: dgram.Error?, count: integer)
---@alias dgram.LookupCallback fun(err: any, address: string?)
---@alias dgram.Lookup fun(host: string, family: 4|6, callback: dgram.LookupCallback)

---@class dgram.SocketOptions
---@field type? dgram.Type the descriptor's unless given
---@field fd? integer a descriptor to adopt
---@field reuseAddr? boolean
---@field reusePort? boolean
---@field ipv6Only? boolean
---@field recvBufferSize? integer bytes
---@field sendBufferSize? integer bytes; of unix_dgram up to 512 KiB unless given
---@field lookup? dgram.Lookup
---@field signal? dgram.AbortSignal
---@field receiveBlockList? dgram.BlockList
---@field sendBlockList? dgram.BlockList
---@field busyPoll? integer microseconds to look for more datagrams after a wake-up, 0 unless given
---@field highWaterMark? integer bytes that wait in one place, 1 MiB unless given
---@field maxQueue? integer bytes that wait anywhere, 64 MiB unless given
---@field linger? integer milliseconds close waits for slow readers, 1000 unless given
---@field gso? boolean true unless given
---@field gro? boolean true unless given
---@field icmp? boolean 'icmp' tells of datagrams that failed on their way
---@field mode? integer permission bits of a unix path
---@field typeOfService? integer 0 to 255
---@field interface? string the one it hears and speaks by
---@field multicastAll? boolean false: only groups that this socket joined
---@field recvInfo? dgram.InfoField[] what rinfo tells besides
---@field loop? dgram.Adapter another event loop than luv's

---What an adapter watches a descriptor with; the contract is in embedding.md.
---@class dgram.PollHandle
---@field start fun(self: dgram.PollHandle, readable: boolean, writable: boolean)
---@field stop fun(self: dgram.PollHandle) deregisters at once
---@field close fun(self: dgram.PollHandle)
---@field ref fun(self: dgram.PollHandle)
---@field unref fun(self: dgram.PollHandle)

---@class dgram.IdleHandle
---@field start fun(self: dgram.IdleHandle)
---@field stop fun(self: dgram.IdleHandle)

---@class dgram.TimerHandle
---@field start fun(self: dgram.TimerHandle, milliseconds: integer)
---@field stop fun(self: dgram.TimerHandle)
---@field lost? fun(self: dgram.TimerHandle): boolean whether somebody else closed it

---A coroutine that waits, as the hooks of an adapter get it.
---@class dgram.Wait
---@field host? any what the hooks keep
---@field resumed? boolean true once it is to go on

---An event loop, as the option loop takes it.
---@class dgram.Adapter
---@field poll fun(fd: integer, callback: fun(err: any, events: string?)): dgram.PollHandle?, string?
---@field idle fun(callback: fun()): dgram.IdleHandle
---@field timer fun(callback: fun()): dgram.TimerHandle
---@field lookup? fun(host: string, family: 4|6, callback: fun(code: string?, address: string?))
---@field traceback? fun(err: any, thread?: thread): any the message handler for errors that leave a callback
---@field run? fun(): any, any turns the loop until nothing is left; nil and an error
---@field stop? fun() ends run
---@field running? fun(): boolean, string? whether the host's coroutine that runs can wait
---@field suspend? fun(wait: dgram.Wait)
---@field resume? fun(wait: dgram.Wait)
---@field waits? fun(wait: dgram.Wait): boolean
---@field spawn? fun(fn: function, ...: any)

---@class dgram.BindOptions
---@field port? integer|string
---@field address? string
---@field path? string unix_dgram
---@field mode? integer permission bits of a unix path
---@field fd? integer a descriptor to adopt
---@field exclusive? boolean without effect
---@field family? string without effect, as address() returns it

---@class dgram.AbortSignal
---@field aborted boolean
---@field reason? any
local AbortSignal = {}

---@param event "abort"
---@param listener fun(event: { type: "abort", target: dgram.AbortSignal })
function AbortSignal:addEventListener(event, listener) end

---@param event "abort"
---@param listener function
function AbortSignal:removeEventListener(event, listener) end

---@class dgram.AbortController
---@field signal dgram.AbortSignal
local AbortController = {}

---Aborts the signal, once; may be called as a function too.
---@param reason? any
function AbortController:abort(reason) end

---@class dgram.BlockList
---@field rules string[] the newest first
local BlockList = {}

---Blocks one address.
---@param address string
---@param family? "ipv4"|"ipv6"
function BlockList:addAddress(address, family) end

---Blocks the addresses from first to last, both included.
---@param first string
---@param last string
---@param family? "ipv4"|"ipv6"
function BlockList:addRange(first, last, family) end

---Blocks a subnet.
---@param network string
---@param prefix integer bits
---@param family? "ipv4"|"ipv6"
function BlockList:addSubnet(network, prefix, family) end

---Tells whether an address is blocked.
---@param address string
---@param family? "ipv4"|"ipv6"
---@return boolean
function BlockList:check(address, family) end

---A datagram socket; made by dgram.createSocket.
---@class dgram.Socket
---@field type dgram.Type
local Socket = {}

---Binds the socket: 'listening' or 'error' follows.
---@param port? integer|string 0: the system's choice
---@param address? string every interface unless given
---@param callback? fun()
---@return dgram.Socket
---@overload fun(self: dgram.Socket, callback: fun()): dgram.Socket
---@overload fun(self: dgram.Socket, port: integer|string, callback: fun()): dgram.Socket
---@overload fun(self: dgram.Socket, options: dgram.BindOptions, callback?: fun()): dgram.Socket
---@overload fun(self: dgram.Socket, path: string, callback?: fun()): dgram.Socket
function Socket:bind(port, address, callback) end

---Binds at once, to a numeric address or a path; throws what bind emits.
---@param options? dgram.BindOptions
---@return dgram.Address
function Socket:bindSync(options) end

---Returns where the socket is bound.
---@return dgram.Address
function Socket:address() end

---Returns the descriptor's number, nil while there is none.
---@return integer?
function Socket:fileno() end

---Chooses the peer: 'connect' follows, or callback(err), or 'error'.
---@param port integer|string
---@param address? string 127.0.0.1 or ::1 unless given
---@param callback? fun(err: dgram.Error?)
---@overload fun(self: dgram.Socket, port: integer|string, callback: fun(err: dgram.Error?))
---@overload fun(self: dgram.Socket, path: string, callback?: fun(err: dgram.Error?))
function Socket:connect(port, address, callback) end

---Chooses the peer at once, by its numeric address; throws what connect emits.
---@param port integer|string
---@param address? string 127.0.0.1 or ::1 unless given
---@overload fun(self: dgram.Socket, path: string)
function Socket:connectSync(port, address) end

---Forgets the peer.
function Socket:disconnect() end

---Returns the peer.
---@return dgram.Address
function Socket:remoteAddress() end

---How one datagram leaves; of unix_dgram with descriptors alone.
---@class dgram.SendOptions
---@field descriptors? (integer|dgram.Descriptor)[] unix_dgram
---@field localAddress? string the source address, numeric
---@field interface? string|integer name or index
---@field ttl? integer 1 to 255
---@field typeOfService? integer 0 to 255

---Sends one datagram; returns false when much waits where it does.
---@param msg string|string[]
---@param port integer|string
---@param address? string 127.0.0.1 or ::1 unless given
---@param options? dgram.SendOptions
---@param callback? dgram.SendCallback
---@return boolean
---@overload fun(self: dgram.Socket, msg: string|string[], port: integer|string, callback: dgram.SendCallback): boolean
---@overload fun(self: dgram.Socket, msg: string|string[], port: integer|string, options: dgram.SendOptions, callback?: dgram.SendCallback): boolean
---@overload fun(self: dgram.Socket, msg: string|string[], offset: integer, length: integer, port: integer|string, address?: string, options?: dgram.SendOptions, callback?: dgram.SendCallback): boolean
---@overload fun(self: dgram.Socket, msg: string|string[], offset: integer, length: integer, port: integer|string, address?: string, callback?: dgram.SendCallback): boolean
---@overload fun(self: dgram.Socket, msg: string|string[], offset: integer, length: integer, port: integer|string, callback: dgram.SendCallback): boolean
---@overload fun(self: dgram.Socket, msg: string|string[], offset: integer, length: integer, port: integer|string, options: dgram.SendOptions, callback?: dgram.SendCallback): boolean
---@overload fun(self: dgram.Socket, msg: string|string[], options?: dgram.SendOptions, callback?: dgram.SendCallback): boolean
---@overload fun(self: dgram.Socket, msg: string|string[], callback?: dgram.SendCallback): boolean
---@overload fun(self: dgram.Socket, msg: string|string[], offset: integer, length: integer, options?: dgram.SendOptions, callback?: dgram.SendCallback): boolean
---@overload fun(self: dgram.Socket, msg: string|string[], offset: integer, length: integer, callback?: dgram.SendCallback): boolean
---@overload fun(self: dgram.Socket, msg: string|string[], path: string, options?: dgram.SendOptions, callback?: dgram.SendCallback): boolean
---@overload fun(self: dgram.Socket, msg: string|string[], path: string, callback?: dgram.SendCallback): boolean
---@overload fun(self: dgram.Socket, msg: string|string[], offset: integer, length: integer, path: string, options?: dgram.SendOptions, callback?: dgram.SendCallback): boolean
---@overload fun(self: dgram.Socket, msg: string|string[], offset: integer, length: integer, path: string, callback?: dgram.SendCallback): boolean
---@overload fun(self: dgram.Socket, msg: string|string[], port: integer|string, address: string, callback: dgram.SendCallback): boolean
function Socket:send(msg, port, address, options, callback) end

---Sends one datagram: the legacy form, with every argument.
---@param msg string|string[]
---@param offset integer bytes
---@param length integer bytes
---@param port integer
---@param address string
---@param options? dgram.SendOptions
---@param callback? dgram.SendCallback
---@return boolean
---@overload fun(self: dgram.Socket, msg: string|string[], offset: integer, length: integer, port: integer, address: string, callback: dgram.SendCallback): boolean
---@overload fun(self: dgram.Socket, msg: string|string[], offset: integer, length: integer, path: string, options?: dgram.SendOptions, callback?: dgram.SendCallback): boolean
---@overload fun(self: dgram.Socket, msg: string|string[], offset: integer, length: integer, path: string, callback?: dgram.SendCallback): boolean
function Socket:sendto(msg, offset, length, port, address, options, callback) end

---Sends each string as a datagram of its own; returns false when much waits there.
---@param messages string[]
---@param port integer|string
---@param address? string 127.0.0.1 or ::1 unless given
---@param options? dgram.SendOptions
---@param callback? dgram.SendManyCallback
---@return boolean
---@overload fun(self: dgram.Socket, messages: string[], port: integer|string, address: string, callback: dgram.SendManyCallback): boolean
---@overload fun(self: dgram.Socket, messages: string[], port: integer|string, callback: dgram.SendManyCallback): boolean
---@overload fun(self: dgram.Socket, messages: string[], port: integer|string, options: dgram.SendOptions, callback?: dgram.SendManyCallback): boolean
---@overload fun(self: dgram.Socket, messages: string[], options?: dgram.SendOptions, callback?: dgram.SendManyCallback): boolean
---@overload fun(self: dgram.Socket, messages: string[], callback?: dgram.SendManyCallback): boolean
---@overload fun(self: dgram.Socket, messages: string[], path: string, options?: dgram.SendOptions, callback?: dgram.SendManyCallback): boolean
---@overload fun(self: dgram.Socket, messages: string[], path: string, callback?: dgram.SendManyCallback): boolean
function Socket:sendMany(messages, port, address, options, callback) end

---Answers a datagram: to its sender, from where it was sent to as far as rinfo tells that.
---@param msg string|string[]
---@param rinfo dgram.RemoteInfo
---@param options? dgram.SendOptions
---@param callback? dgram.SendCallback
---@return boolean
---@overload fun(self: dgram.Socket, msg: string|string[], rinfo: dgram.RemoteInfo, callback: dgram.SendCallback): boolean
function Socket:reply(msg, rinfo, options, callback) end

---Hands the queue to the kernel now.
---@return dgram.Socket
function Socket:flush() end

---Stops the delivery of datagrams.
---@return dgram.Socket
function Socket:pause() end

---Starts the delivery of datagrams again.
---@return dgram.Socket
function Socket:resume() end

---Closes the socket: what was sent goes out, then 'close' is emitted.
---@param callback? fun()
---@return dgram.Socket
function Socket:close(callback) end

---Closes the socket at the end of its scope (Lua 5.4).
function Socket:__close() end

---Lets the socket keep the loop alive.
---@return dgram.Socket
function Socket:ref() end

---Lets the loop end although the socket is bound.
---@return dgram.Socket
function Socket:unref() end

---Allows or forbids datagrams to broadcast addresses.
---@param flag any
function Socket:setBroadcast(flag) end

---Sets the hops a datagram may travel.
---@param ttl integer 1 to 255
---@return integer ttl
function Socket:setTTL(ttl) end

---Sets type of service, for IPv6 traffic class.
---@param tos integer 0 to 255
---@return dgram.Socket
function Socket:setTypeOfService(tos) end

---Returns type of service, or traffic class.
---@return integer
function Socket:getTypeOfService() end

---Forbids that datagrams are cut up on their way, or allows it.
---@param flag any
---@return dgram.Socket
function Socket:setDontFragment(flag) end

---Returns the bytes a packet to the peer may have, with its headers.
---@return integer
function Socket:getMTU() end

---@alias dgram.OptionName "priority"|"mark"|"freeBind"|"transparent"|"incomingCpu"

---Sets an option of the system's that few need.
---@param name dgram.OptionName
---@param value integer|boolean
---@return dgram.Socket
function Socket:setOption(name, value) end

---Returns the value of such an option.
---@param name dgram.OptionName
---@return integer|boolean
function Socket:getOption(name) end

---Returns the bytes of the receive buffer.
---@return integer
function Socket:getRecvBufferSize() end

---Sets the bytes of the receive buffer.
---@param size integer
function Socket:setRecvBufferSize(size) end

---Returns the bytes of the send buffer.
---@return integer
function Socket:getSendBufferSize() end

---Sets the bytes of the send buffer.
---@param size integer
function Socket:setSendBufferSize(size) end

---Joins a multicast group.
---@param group string
---@param interface? string|integer address, name, index, "::%zone", "*"
function Socket:addMembership(group, interface) end

---Leaves a multicast group.
---@param group string
---@param interface? string|integer
function Socket:dropMembership(group, interface) end

---Joins a multicast group to hear one sender only.
---@param source string
---@param group string
---@param interface? string|integer
function Socket:addSourceSpecificMembership(source, group, interface) end

---Stops to hear one sender of a multicast group.
---@param source string
---@param group string
---@param interface? string|integer
function Socket:dropSourceSpecificMembership(source, group, interface) end

---Sets the hops a multicast datagram may travel.
---@param ttl integer 0 to 255
---@return integer ttl
function Socket:setMulticastTTL(ttl) end

---Lets this host hear its own multicast, or not.
---@generic T
---@param flag T
---@return T flag
function Socket:setMulticastLoopback(flag) end

---Chooses the interface multicast leaves by.
---@param interface string|integer address, name, index, "::%zone"
function Socket:setMulticastInterface(interface) end

---Suspends the coroutine until a datagram comes; or nil and an error.
---@async
---@param ms? integer how many milliseconds to wait at most
---@return string? msg
---@return dgram.RemoteInfo|dgram.Error rinfo
function Socket:receive(ms) end

---Returns a fresh table of counters.
---@return dgram.Stats
function Socket:stats() end

---Returns the bytes queued and not yet taken by the kernel.
---@return integer
function Socket:getSendQueueSize() end

---Returns the datagrams queued and not yet taken by the kernel.
---@return integer
function Socket:getSendQueueCount() end

---Adds a listener at the end.
---@param event dgram.CustomEvent
---@param listener dgram.Listener
---@return dgram.Socket
---@overload fun(self: dgram.Socket, event: "message", listener: dgram.MessageListener): dgram.Socket
---@overload fun(self: dgram.Socket, event: "error", listener: fun(err: dgram.Error)): dgram.Socket
---@overload fun(self: dgram.Socket, event: "listening"|"connect"|"close", listener: fun()): dgram.Socket
---@overload fun(self: dgram.Socket, event: "drain", listener: fun(path: string?)): dgram.Socket
---@overload fun(self: dgram.Socket, event: "icmp", listener: fun(err: dgram.IcmpError)): dgram.Socket
---@overload fun(self: dgram.Socket, event: "newListener"|"removeListener", listener: fun(event: any, listener: function)): dgram.Socket
function Socket:on(event, listener) end

---Adds a listener at the end.
---@param event dgram.CustomEvent
---@param listener dgram.Listener
---@return dgram.Socket
---@overload fun(self: dgram.Socket, event: "message", listener: dgram.MessageListener): dgram.Socket
---@overload fun(self: dgram.Socket, event: "error", listener: fun(err: dgram.Error)): dgram.Socket
---@overload fun(self: dgram.Socket, event: "listening"|"connect"|"close", listener: fun()): dgram.Socket
---@overload fun(self: dgram.Socket, event: "drain", listener: fun(path: string?)): dgram.Socket
---@overload fun(self: dgram.Socket, event: "icmp", listener: fun(err: dgram.IcmpError)): dgram.Socket
---@overload fun(self: dgram.Socket, event: "newListener"|"removeListener", listener: fun(event: any, listener: function)): dgram.Socket
function Socket:addListener(event, listener) end

---Adds a listener that is called once at most.
---@param event dgram.CustomEvent
---@param listener dgram.Listener
---@return dgram.Socket
---@overload fun(self: dgram.Socket, event: "message", listener: dgram.MessageListener): dgram.Socket
---@overload fun(self: dgram.Socket, event: "error", listener: fun(err: dgram.Error)): dgram.Socket
---@overload fun(self: dgram.Socket, event: "listening"|"connect"|"close", listener: fun()): dgram.Socket
---@overload fun(self: dgram.Socket, event: "drain", listener: fun(path: string?)): dgram.Socket
---@overload fun(self: dgram.Socket, event: "icmp", listener: fun(err: dgram.IcmpError)): dgram.Socket
---@overload fun(self: dgram.Socket, event: "newListener"|"removeListener", listener: fun(event: any, listener: function)): dgram.Socket
function Socket:once(event, listener) end

---Adds a listener in front of all others.
---@param event dgram.CustomEvent
---@param listener dgram.Listener
---@return dgram.Socket
---@overload fun(self: dgram.Socket, event: "message", listener: dgram.MessageListener): dgram.Socket
---@overload fun(self: dgram.Socket, event: "error", listener: fun(err: dgram.Error)): dgram.Socket
---@overload fun(self: dgram.Socket, event: "listening"|"connect"|"close", listener: fun()): dgram.Socket
---@overload fun(self: dgram.Socket, event: "drain", listener: fun(path: string?)): dgram.Socket
---@overload fun(self: dgram.Socket, event: "icmp", listener: fun(err: dgram.IcmpError)): dgram.Socket
---@overload fun(self: dgram.Socket, event: "newListener"|"removeListener", listener: fun(event: any, listener: function)): dgram.Socket
function Socket:prependListener(event, listener) end

---Adds a listener in front of all others that is called once at most.
---@param event dgram.CustomEvent
---@param listener dgram.Listener
---@return dgram.Socket
---@overload fun(self: dgram.Socket, event: "message", listener: dgram.MessageListener): dgram.Socket
---@overload fun(self: dgram.Socket, event: "error", listener: fun(err: dgram.Error)): dgram.Socket
---@overload fun(self: dgram.Socket, event: "listening"|"connect"|"close", listener: fun()): dgram.Socket
---@overload fun(self: dgram.Socket, event: "drain", listener: fun(path: string?)): dgram.Socket
---@overload fun(self: dgram.Socket, event: "icmp", listener: fun(err: dgram.IcmpError)): dgram.Socket
---@overload fun(self: dgram.Socket, event: "newListener"|"removeListener", listener: fun(event: any, listener: function)): dgram.Socket
function Socket:prependOnceListener(event, listener) end

---Removes the listener that was added last.
---@param event dgram.Event|dgram.CustomEvent
---@param listener dgram.Listener
---@return dgram.Socket
function Socket:off(event, listener) end

---Removes the listener that was added last.
---@param event dgram.Event|dgram.CustomEvent
---@param listener dgram.Listener
---@return dgram.Socket
function Socket:removeListener(event, listener) end

---Removes all listeners, of one event or of all.
---@param event? dgram.Event|dgram.CustomEvent
---@return dgram.Socket
function Socket:removeAllListeners(event) end

---Calls the listeners of an event; returns whether there were any.
---@param event dgram.Event|dgram.CustomEvent
---@param ... any
---@return boolean
function Socket:emit(event, ...) end

---Returns a fresh array of the listeners, as they were given.
---@param event dgram.Event|dgram.CustomEvent
---@return dgram.Listener[]
function Socket:listeners(event) end

---Returns a fresh array of the listeners, those of once in their wrappers.
---@param event dgram.Event|dgram.CustomEvent
---@return dgram.Listener[]
function Socket:rawListeners(event) end

---Counts the listeners of an event, or how often one of them was added.
---@param event dgram.Event|dgram.CustomEvent
---@param listener? dgram.Listener
---@return integer
function Socket:listenerCount(event, listener) end

---Lists the events that have listeners.
---@return any[]
function Socket:eventNames() end

---@alias dgram.RunMode
---| "once"
---| "nowait"

---The built-in loop on poll(): require "dgram.loop.poll".
---@class dgram.PollLoop: dgram.Adapter
---@field run fun(mode?: dgram.RunMode): boolean whether there is more to do
---@field stop fun() ends run()
---@field alive fun(): boolean
---@field descriptor fun(): integer? readable when run has something to do, with epoll
---@field patience fun(): integer milliseconds until something is due, -1 without end

---@class dgram.loop.poll
---@field new fun(wakeup?: fun()): dgram.PollLoop makes an independent loop; wakeup is called when something was started while it does not run

---@class dgram.loop.cqueues
---@field new fun(controller: table): dgram.Adapter the adapter to a controller of cqueues

---@class dgram.loop.event
---@field new fun(base: table): dgram.Adapter the adapter to an event base of luaevent.core

---@class dgram.loop.copas
---@field new fun(): dgram.Adapter the adapter to copas

---@class dgram.loop.luv
---@field luv fun(): dgram.Adapter the adapter to luv's own loop

---@class dgram.nginx.Options
---@field setup? fun() makes the sockets
---@field thread_pool? string "dgram" unless given
---@field handlers? integer light threads, 16 unless given
---@field backlog? integer jobs that may wait for them, 4096 unless given
---@field grace? number seconds they have to end in when nginx quits, 0.5 unless given

---@class dgram.nginx.Stats
---@field errors integer that listeners and handlers raised
---@field dropped integer jobs beyond the backlog
---@field waiting integer jobs
---@field polling boolean without a thread pool

---The driver in a worker of nginx: require "dgram.nginx".
---@class dgram.nginx
---@field start fun(setup: fun()|dgram.nginx.Options)
---@field async fun(handler: fun(...: any)): fun(...: any) a listener that may yield
---@field keep fun(socket: dgram.Socket): dgram.Socket lets it outlive its request
---@field wake fun() ends the driver's wait
---@field stats fun(): dgram.nginx.Stats

---@class dgram
local dgram = {}

---The release: "dgram 1.0.0".
---@type string
dgram._VERSION = ""

---An event whose listeners hear an error before 'error' is emitted.
---@type dgram.CustomEvent
dgram.errorMonitor = {}

---The methods of sockets.
---@type dgram.Socket
dgram.Socket = Socket

---Makes a socket.
---@param type dgram.Type
---@param listener? dgram.MessageListener
---@return dgram.Socket
---@overload fun(options: dgram.SocketOptions, listener?: dgram.MessageListener): dgram.Socket
function dgram.createSocket(type, listener) end

---A descriptor that a service manager passed to this program.
---@class dgram.PassedDescriptor
---@field fd integer
---@field name string "unknown" unless it was given one
---@field type dgram.Type|"TCP"|"PIPE"|"FILE"|"TTY"|"UNKNOWN"

---Returns the descriptors that a service manager passed to this program.
---@return dgram.PassedDescriptor[]
function dgram.listenFds() end

---Makes two unix sockets that are connected to each other.
---@param options? dgram.SocketOptions without type, fd and mode
---@return dgram.Socket
---@return dgram.Socket
function dgram.socketpair(options) end

---Makes an empty block list.
---@return dgram.BlockList
function dgram.BlockList() end

---Makes a controller, whose signal closes sockets.
---@return dgram.AbortController
function dgram.AbortController() end

---Runs a function in a coroutine, and the loop until nothing is left in it.
---@generic T
---@param fn async fun(): T...
---@param loop? dgram.Adapter luv's unless given
---@return T...
function dgram.run(fn, loop) end

---Makes a function whose calls run fn, each in a coroutine of its own.
---@param fn async fun(...: any)
---@param loop? dgram.Adapter the one in use unless given
---@return fun(...: any)
function dgram.async(fn, loop) end

---Calls fn(..., callback), and suspends until the callback is called.
---@async
---@param fn function
---@param ... any
---@return any ... what the callback was given
function dgram.await(fn, ...) end

---Suspends for some milliseconds.
---@async
---@param ms integer
function dgram.sleep(ms) end

---An emitter for once and on: a socket, or what is like it.
---@class dgram.Emitter
---@field on fun(self: any, event: any, listener: function): any
---@field removeListener fun(self: any, event: any, listener: function): any

---@class dgram.OnceOptions
---@field timeout? integer milliseconds
---@field signal? dgram.AbortSignal

---Suspends until an event is emitted, and returns its arguments.
---@async
---@param emitter dgram.Emitter|dgram.Socket
---@param event dgram.Event|dgram.CustomEvent
---@param options? dgram.OnceOptions
---@return any ...
function dgram.once(emitter, event, options) end

---@class dgram.OnOptions
---@field signal? dgram.AbortSignal
---@field close? any[] events that end it, { "close" } unless given
---@field highWaterMark? integer events that wait before the emitter is paused
---@field lowWaterMark? integer it is resumed below, 1 unless given

---@class dgram.Events
---@overload async fun(): ...: any the next event's arguments, nil at the end
local Events = {}

---Ends the iteration.
function Events:close() end

---Iterates over events: for msg, rinfo in dgram.on(socket, "message") do
---@param emitter dgram.Emitter|dgram.Socket
---@param event dgram.Event|dgram.CustomEvent
---@param options? dgram.OnOptions
---@return dgram.Events
function dgram.on(emitter, event, options) end

return dgram
