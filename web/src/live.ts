// The live socket: reconnects for ever, and subscribes again each time.
import type { Message } from './api'

const longest_wait_ms = 5_000

export class Live {
  private socket: WebSocket | null = null
  private wait_ms = 250
  private wanted: { venue: string; symbol: string } | null = null

  constructor(
    private readonly onMessage: (message: Message) => void,
    private readonly onState: (open: boolean) => void,
  ) {
    this.connect()
  }

  subscribe(venue: string, symbol: string) {
    this.wanted = { venue, symbol }
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(this.wanted))
  }

  private connect() {
    const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`)
    this.socket = socket
    socket.onopen = () => {
      this.wait_ms = 250
      if (this.wanted) socket.send(JSON.stringify(this.wanted))
      this.onState(true)
    }
    socket.onmessage = (event) => this.onMessage(JSON.parse(event.data as string) as Message)
    socket.onclose = () => {
      this.onState(false)
      setTimeout(() => this.connect(), this.wait_ms)
      this.wait_ms = Math.min(this.wait_ms * 2, longest_wait_ms)
    }
  }
}
