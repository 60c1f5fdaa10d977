"""The unit lane's guard: other machines are out of reach, servers of this process go on."""

from __future__ import annotations

import socket
import threading

import pytest
import pytest_socket

ELSEWHERE = ("192.0.2.1", 9)  # TEST-NET-1 of RFC 5737: nobody's address


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_another_machine_is_out_of_reach() -> None:
    with socket.socket() as own, pytest.raises(pytest_socket.SocketConnectBlockedError):
        own.connect(ELSEWHERE)


def test_a_server_of_this_process_still_takes_connections() -> None:
    taken: list[bytes] = []

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            taken.append(connection.recv(1))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        with socket.create_connection(listening.getsockname()) as calling:
            calling.sendall(b"x")
        thread.join()
    assert taken == [b"x"]
