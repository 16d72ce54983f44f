#!/usr/bin/env python3
"""A signalling relay as one writes it with FastAPI, for comparison with dpc-hub: the same protocol, tokens that are
checked by HMAC, nodes in a dictionary, no database.

    fastapi_relay.py PORT
"""
import hashlib
import hmac
import json
import sys

import uvicorn
from fastapi import FastAPI, Header, HTTPException, WebSocket, WebSocketDisconnect

app = FastAPI()
sockets = {}


def node_of(authorization):
    """Whom the bearer token stands for, or None."""
    node, _, signature = authorization.removeprefix('Bearer ').partition('.')
    wanted = hmac.new(b'bench', node.encode(), hashlib.sha256).hexdigest()
    return node if hmac.compare_digest(wanted, signature) else None


@app.get('/health')
async def health():
    return {'status': 'ok', 'nodes_connected': len(sockets)}


@app.get('/users/me')
async def me(authorization: str = Header('')):
    node = node_of(authorization)
    if not node:
        raise HTTPException(401)
    return {'node_id': node, 'registered': True}


@app.websocket('/ws/signal')
async def signal(websocket: WebSocket):
    node = node_of(websocket.headers.get('authorization', ''))
    if not node:
        await websocket.close(1008)
        return
    await websocket.accept()
    sockets[node] = websocket
    await websocket.send_text(json.dumps({'type': 'auth_ok', 'message': 'connected', 'node_id': node}))
    try:
        while True:
            frame = json.loads(await websocket.receive_text())
            target = sockets.get(frame['target_node_id'])
            if target:
                frame['sender_node_id'] = node
                await target.send_text(json.dumps(frame))
            else:
                await websocket.send_text(json.dumps({'type': 'error', 'code': 'target_offline', 'message': 'offline'}))
    except WebSocketDisconnect:
        del sockets[node]


uvicorn.run(app, host='127.0.0.1', port=int(sys.argv[1]), log_level='warning', ws='websockets')
