# violates python-syntax as tests/daemon/sample_test.py
def broken(:
    pass
