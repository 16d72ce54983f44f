"""Programs that speak to OpenAI or Ollama, unchanged, at a node's AI port: their own clients from npm.

    test_ai_clients.py openai | ollama
"""
import json
import pathlib
import shutil
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'system'))
import harness  # noqa: E402 (the path comes first)
from ai_stage import PortTest  # noqa: E402
from stage import wait_until  # noqa: E402

CLIENT = sys.argv.pop(1) if len(sys.argv) > 1 else 'openai'
SKIP = 77


class Client(PortTest):
    def test_it_works_unchanged(self):
        self.asker_and_owner(rules='[default]\nai.model.one = allow\n')
        done = subprocess.run(['node', str(HERE / 'ai_client.mjs'), CLIENT, f'http://127.0.0.1:{self.port}'], text=True,
                              capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual(told['models'], ['one@bob'])
        self.assertEqual(told['shown'], 'one@bob' if CLIENT == 'openai' else ['completion'])
        self.assertIn('You asked: "why?"', told['whole'])
        for name in ('anybody', 'streamed', 'generated'):
            self.assertEqual(told.get(name, told['whole']), told['whole'])
        self.assertEqual(told['usage']['prompt_tokens'], 1)
        self.assertEqual(told['usage']['completion_tokens'], len(told['whole'].split()))
        self.assertEqual(told['embedded'], [[0.75, 0.5, -0.5], [0.75, 0, -0.5]])
        self.assertEqual(told['missing']['status'], 404)
        self.assertIn("a model 'none'", told['missing']['message'])
        if CLIENT == 'openai':
            self.assertEqual(told['missing']['code'], 'model_not_found')
        else:
            self.assertEqual(told['pulled']['status'], 404)
            self.assertIn('never pulled', told['pulled']['message'])
        self.assertRegex(told['broken']['message'], 'broke off|cannot be used')
        # It left in the middle of an answer without end.
        wait_until('the provider is left alone', lambda: 'gone' in self.log(), 10)
        self.assertNotIn('FORBIDDEN', self.log())


if __name__ == '__main__':
    if not shutil.which('node') or not (HERE / 'node_modules' / CLIENT).is_dir():
        print(f'SKIP: {CLIENT} is not installed')
        sys.exit(SKIP)
    harness.main()
